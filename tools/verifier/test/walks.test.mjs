// Walks and anchors where a file of vectors would be too large or says too little: limits, and the strict form of a trust file's anchor.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import {parseTrust} from '../src/trust.mjs';
import {decodeBundle, verify} from '../src/verify.mjs';
import {writeBytes} from '../src/wire.mjs';

const walks = JSON.parse(readFileSync(new URL('../../../tests/vectors/bundles/walks.json', import.meta.url), 'utf8'));
const named = (part) => walks.find(({name}) => name.includes(part));

// The walk's first block as it stands in the bundle, and the bundle without its walk, which is its last field.
const whole = Buffer.from(named('two complete changes').bundle, 'base64');
const bare = Buffer.from(walks.find(({name}) => name === 'no walk').bundle, 'base64');
const tagSize = 1;
const block = (() => {
  const low = whole[bare.length + tagSize];
  const size = (low & 0x7f) | (whole[bare.length + tagSize + 1] << 7);
  return whole.subarray(bare.length + tagSize + 2, bare.length + tagSize + 2 + size);
})();
const withBlocks = (one, count) => Buffer.concat([bare, ...Array(count).fill(writeBytes(6, one))]);

test('a bundle without its walk is the other one', () => {
  assert.ok(bare.length < whole.length && bare.equals(whole.subarray(0, bare.length)));
});

test('no more than 256 blocks', () => {
  assert.equal(decodeBundle(withBlocks(block, 256)).walk.length, 256);
  assert.throws(() => decodeBundle(withBlocks(block, 257)), /^Error: format: the walk is too long/);
});

test('no more than 1 MiB of them', () => {
  const large = Buffer.concat([block, Buffer.alloc((1 << 20) - block.length + 1)]);
  assert.throws(() => decodeBundle(withBlocks(large, 1)), /^Error: format: too many bytes/);
  assert.throws(() => decodeBundle(withBlocks(large.subarray(1), 1)), (error) => !error.message.includes('too many bytes'));
});

test('an anchor has one form', () => {
  const good = named('within the trusting period').trust;
  assert.ok(parseTrust(Buffer.from(good)).anchor.height === 7n);
  const changes = [['"height": 7', '"height": 0'], ['"height": 7', '"height": "7"'],
                   ['"trusting_period_s": 1000', '"trusting_period_s": 0'],
                   ['"trusting_period_s": 1000', '"trusting_period_s": 9007199254740992'], ['"trusting_period_s"', '"period"'],
                   ['"time_ms": 1764000007000', '"time_ms": 253402300799999'], ['"hash": "', '"hash": "00']];
  for (const [from, to] of changes) {
    assert.ok(good.includes(from), from);
    assert.throws(() => parseTrust(Buffer.from(good.replace(from, to))), to);
  }
});

test('each refusal has its reason', () => {
  const reasons = [['over a third of a block', /^Error: walk: block 19: .*signature does not hold/],
                   ['another validator set', /^Error: walk: block 20: names other validators/],
                   ['nobody announced', /^Error: walk: block 20: .*not those announced before/],
                   ['a fork: the same', /^Error: walk: block 20: .*the chain is forked/],
                   ['a fork from before', /^Error: validators: .*the chain is forked/],
                   ['expired trust', /^Error: time: expired trust/]];
  for (const [part, reason] of reasons) {
    const {trust, bundle, now_ms: now} = named(part);
    assert.throws(() => verify(Buffer.from(bundle, 'base64'), parseTrust(Buffer.from(trust)), now), reason, part);
  }
});
