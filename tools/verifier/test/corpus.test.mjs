// The corpora that the C++ verifier wrote: this one says the same of every case, word for word, and of every changed byte the same step.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import {Refusal} from '../src/bytes.mjs';
import {parseTrust} from '../src/trust.mjs';
import {verify} from '../src/verify.mjs';

const read = (name) => JSON.parse(readFileSync(new URL(`../../../tests/vectors/bundles/${name}.json`, import.meta.url), 'utf8'));
const [corpus, walks] = [read('corpus'), read('walks')];
const letters = {ok: '!', format: 'f', ledger: 'l', header: 'h', validators: 'v', app: 'a', command: 'c', log: 'g', record: 'r',
                 anchor: 'n', state: 's', list: 'i', opening: 'o', promise: 'p', checkpoint: 'k', quorum: 'q', time: 't', walk: 'w'};

function judge(bytes, trust, now) {
  try {
    return {step: 'ok', lines: verify(bytes, trust, now)};
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {step: error.step, lines: []};
  }
}

test('the corpus is there', () => assert.ok(corpus.length > 40 && walks.length > 30));

for (const {name, trust, bundle, now_ms: now, step, lines, flips} of [...corpus, ...walks]) {
  test(name, () => {
    const believed = parseTrust(Buffer.from(trust));
    const bytes = Buffer.from(bundle, 'base64');
    assert.deepEqual(judge(bytes, believed, now), {step, lines});
    let said = '';
    for (let i = 0; i < flips.length; ++i) {
      const bad = Buffer.from(bytes);
      bad[i] ^= 1 << (i % 8);
      said += letters[judge(bad, believed, now).step];
    }
    assert.equal(said, flips);
  });
}
