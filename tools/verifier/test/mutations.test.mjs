// Good bundles with every field changed, and random bytes: this verifier says of each what the C++ verifier said, the same step of the same
// check. src/proof/mutations_test.cpp writes the file.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import {Refusal, sha256} from '../src/bytes.mjs';
import {parseTrust} from '../src/trust.mjs';
import {verify} from '../src/verify.mjs';

const bundles = JSON.parse(readFileSync(new URL('../../../tests/vectors/bundles/mutations.json', import.meta.url), 'utf8'));

function stepOf(bytes, trust) {
  try {
    verify(bytes, trust);
    return 'ok';
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.step;
  }
}

function edited(good, edits) {
  const parts = [];
  let from = 0;
  for (const [at, gone, come] of edits) {
    parts.push(good.subarray(from, at), Buffer.from(come, 'base64'));
    from = at + gone;
  }
  return Buffer.concat([...parts, good.subarray(from)]);
}

function u64(value) {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(value));
  return out;
}

function randomBytes(seed, size) {
  const parts = [];
  for (let block = 0; block * 32 < size; ++block) parts.push(sha256(u64(seed), u64(block)));
  return Buffer.concat(parts).subarray(0, size);
}

test('the mutations are there', () => {
  assert.ok(bundles.length >= 4);
  for (const {fields, random} of bundles) assert.ok(fields.length > 100 && random.length > 50);
});

for (const {name, trust, bundle, fields, random} of bundles) {
  const believed = parseTrust(Buffer.from(trust));
  const good = Buffer.from(bundle, 'base64');
  test(`${name}: good`, () => assert.equal(stepOf(good, believed), 'ok'));
  test(`${name}: every field`, () => {
    for (const {field, edits, step} of fields) assert.equal(stepOf(edited(good, edits), believed), step, field);
  });
  test(`${name}: random bytes`, () => {
    for (const {seed, kept, size, step} of random) {
      assert.notEqual(step, 'ok');
      const bytes = Buffer.concat([good.subarray(0, kept), randomBytes(seed, size)]);
      assert.equal(stepOf(bytes, believed), step, `${kept} bytes kept, ${size} random ones`);
    }
  });
}
