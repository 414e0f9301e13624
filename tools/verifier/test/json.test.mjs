// The trust file is read strictly: what the C++ reader refuses is refused here.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import {parseJson} from '../src/json.mjs';
import {parseTrust} from '../src/trust.mjs';

const corpus = JSON.parse(readFileSync(new URL('../../../tests/vectors/bundles/corpus.json', import.meta.url), 'utf8'));
const good = corpus.find(({name}) => name.includes('consortium')).trust;

test('no duplicate keys, no garbage, no depth', () => {
  for (const bad of ['{"a":1,"a":1}', '{"a":1}x', '[1,]', '{,}', '01', '"\\ud800"', '"\n"', '[[[[[]]]]]', '', '\ufeff{}', 'nul']) {
    assert.throws(() => parseJson(bad), bad);
  }
  assert.equal(parseJson(' {"a" : [ 1.10 , true ] } ').get('a')[0].text, '1.10');
});

test('a trust file has one form', () => {
  assert.equal(parseTrust(Buffer.from(good)).quorum, 2);
  const changes = [['careledger-trust/1', 'careledger-trust/2'], ['"quorum": 2', '"quorum": 3'], ['"quorum": 2', '"quorum": "2"'],
                   ['"power": 10', '"power": -1'], ['"power": 10', '"power": 1e1'], ['"witnesses"', '"witness"'],
                   ['witness1.example', 'witness0.example'], ['witness1.example', 'a b'], ['"chain_id"', '"chain_id "']];
  for (const [from, to] of changes) {
    assert.ok(good.includes(from), from);
    assert.throws(() => parseTrust(Buffer.from(good.replace(from, to))), to);
  }
});
