// The trust file (docs/formats/trust-file.md).
import {at, base64, demand, text} from './bytes.mjs';
import {address, checkValidators} from './chain.mjs';
import {NumberText, parseJson} from './json.mjs';
import {isName, logKind, witnessKind} from './note.mjs';

function only(object, ...names) {
  demand(object instanceof Map && [...object.keys()].every((key) => names.includes(key)), 'a member that this format has not');
}

function whole(value, name) {
  demand(value instanceof NumberText && /^(0|[1-9][0-9]{0,15})$/.test(value.text) && BigInt(value.text) <= 1n << 53n, `${name} is wrong`);
  return BigInt(value.text);
}

function key(value, name) {
  const bytes = typeof value === 'string' ? base64(value) : null;
  demand(bytes !== null && bytes.length === 32, `${name} is wrong`);
  return bytes;
}

function noteKey(item, kind, name) {
  only(item, 'name', 'key');
  demand(typeof item.get('name') === 'string' && isName(item.get('name')), `${name} is wrong`);
  return {name: item.get('name'), kind, key: key(item.get('key'), name)};
}

const lastMs = 253402300799999n;   // of the year 9999

// The block whose validators the file names, and how long after it they are believed.
function readAnchor(item) {
  only(item, 'height', 'hash', 'time_ms', 'trusting_period_s');
  const [height, time, period] = ['height', 'time_ms', 'trusting_period_s'].map((name) => whole(item.get(name), 'anchor'));
  const hash = item.get('hash');
  demand(typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash), 'anchor is wrong');
  demand(height > 0n && period > 0n && time <= lastMs && period <= (lastMs - time) / 1000n, 'anchor is wrong');
  return {height, hash: Buffer.from(hash, 'hex'), time, ends: time + period * 1000n};
}

export function parseTrust(bytes) {
  return at('trust', () => {
    demand(bytes.length <= 1 << 20, 'too large');
    const root = parseJson(text(bytes));
    only(root, 'format', 'ledger', 'chain_id', 'validators', 'log', 'witnesses', 'quorum', 'anchor');
    demand(root.get('format') === 'careledger-trust/1', 'format is wrong');
    const ledger = root.get('ledger');
    demand(typeof ledger === 'string' && /^[0-9a-f]{64}$/.test(ledger), 'ledger is wrong');
    const chainId = root.get('chain_id');
    demand(typeof chainId === 'string' && Buffer.byteLength(chainId) >= 1 && Buffer.byteLength(chainId) <= 50, 'chain_id is wrong');
    demand(Array.isArray(root.get('validators')), 'validators is wrong');
    const validators = root.get('validators').map((item) => {
      only(item, 'public_key', 'power');
      return {key: key(item.get('public_key'), 'validators'), power: whole(item.get('power'), 'validators')};
    });
    validators.sort((a, b) => (a.power !== b.power ? (a.power > b.power ? -1 : 1) : Buffer.compare(address(a.key), address(b.key))));
    const total = checkValidators(validators);
    const log = root.has('log') ? noteKey(root.get('log'), logKind, 'log') : null;
    const list = root.get('witnesses');
    demand(Array.isArray(list) && list.length <= 100, 'witnesses is wrong');
    const witnesses = list.map((item) => noteKey(item, witnessKind, 'witnesses'));
    for (const part of [(w) => w.name, (w) => w.key.toString('hex')]) {
      demand(new Set(witnesses.map(part)).size === witnesses.length, 'a witness stands there twice');
    }
    const quorum = whole(root.get('quorum'), 'quorum');
    demand(quorum <= BigInt(witnesses.length), 'quorum is wrong');
    const anchor = root.has('anchor') ? readAnchor(root.get('anchor')) : null;
    return {ledger: Buffer.from(ledger, 'hex'), chainId, validators, total, log, witnesses, quorum: Number(quorum), anchor};
  });
}
