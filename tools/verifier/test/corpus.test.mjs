// The corpus that the C++ verifier wrote: this one says the same of every case, word for word, and of every changed byte the same step.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import {Refusal} from '../src/bytes.mjs';
import {parseTrust} from '../src/trust.mjs';
import {verify} from '../src/verify.mjs';

const corpus = JSON.parse(readFileSync(new URL('../../../tests/vectors/bundles/corpus.json', import.meta.url), 'utf8'));
const letters = {ok: '!', format: 'f', ledger: 'l', header: 'h', validators: 'v', app: 'a', command: 'c', log: 'g', record: 'r',
                 anchor: 'n', state: 's', list: 'i', opening: 'o', promise: 'p', checkpoint: 'k', quorum: 'q'};

function judge(bytes, trust) {
  try {
    return {step: 'ok', lines: verify(bytes, trust)};
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {step: error.step, lines: []};
  }
}

test('the corpus is there', () => assert.ok(corpus.length > 40));

for (const {name, trust, bundle, step, lines, flips} of corpus) {
  test(name, () => {
    const believed = parseTrust(Buffer.from(trust));
    const bytes = Buffer.from(bundle, 'base64');
    assert.deepEqual(judge(bytes, believed), {step, lines});
    let said = '';
    for (let i = 0; i < flips.length; ++i) {
      const bad = Buffer.from(bytes);
      bad[i] ^= 1 << (i % 8);
      said += letters[judge(bad, believed).step];
    }
    assert.equal(said, flips);
  });
}
