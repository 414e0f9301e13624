// Proofs that the C++ program writes, checked by npm @confio/ics23 alone.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import ics23 from '@confio/ics23';

const vectors = JSON.parse(readFileSync(new URL('../../../tests/vectors/proof/foreign.json', import.meta.url), 'utf8'));
const bytes = (value) => Buffer.from(value, 'base64');
const proofOf = (value) => ics23.ics23.CommitmentProof.decode(bytes(value));
const root = bytes(vectors.state_root);

test('members', () => {
  assert.ok(vectors.members.length > 50);
  for (const {key, value, ics23: proof} of vectors.members) {
    assert.ok(ics23.verifyMembership(proofOf(proof), ics23.tendermintSpec, root, bytes(key), bytes(value)));
    assert.ok(!ics23.verifyMembership(proofOf(proof), ics23.tendermintSpec, root, bytes(key), Buffer.from('another')));
  }
});

test('absence: inside and at both edges, and no member can be hidden', () => {
  for (const {key, ics23: proof} of vectors.absent) {
    assert.ok(ics23.verifyNonMembership(proofOf(proof), ics23.tendermintSpec, root, bytes(key)));
    for (const member of vectors.members) {
      assert.ok(!ics23.verifyNonMembership(proofOf(proof), ics23.tendermintSpec, root, bytes(member.key)));
    }
  }
});

test('the second level: log and state in the app hash', () => {
  const top = bytes(vectors.app_hash);
  for (const name of ['log', 'state']) {
    const value = bytes(vectors[`${name}_value`]);
    assert.ok(ics23.verifyMembership(proofOf(vectors[`${name}_ics23`]), ics23.tendermintSpec, top, Buffer.from(name), value));
  }
});
