// Believes a proof bundle with a trust file and nothing else, by the steps of docs/formats/proof-bundle.md. The first that fails is the
// step of the Refusal that is thrown.
import {at, demand, equal, Refusal, sha256} from './bytes.mjs';
import {checkForm, signersOf, verifyCommit} from './chain.mjs';
import {leafOf, parseCut} from './map.mjs';
import {parseCheckpoint, parseNote, verifyNote} from './note.mjs';
import {verifyRecord} from './record.mjs';
import {verifyAccess} from './access.mjs';
import * as schema from './schema.mjs';
import {nodeHash, split, verifyConsistency} from './tree.mjs';
import {decode} from './wire.mjs';

const magic = Buffer.from('CLPB1\n');
const maxBundle = 32 << 20;
const id = (bytes) => demand(bytes.length === 32, 'an id or hash has not 32 bytes');

function readRecord(claim) {
  id(claim.root);
  claim.elements = claim.elements.map(({leaf, hashes, sides}) => {
    const path = split(hashes);
    demand(path.length <= 64 && sides.length === (path.length + 7) >> 3, "an element's path has a wrong size");
    const side = (i) => ((sides[i >> 3] >> (7 - (i & 7))) & 1) === 1;
    for (let i = path.length; i < sides.length * 8; ++i) demand(!side(i), 'a stray bit in a path');
    return {leaf, path: path.map((hash, i) => ({left: side(i), hash}))};
  });
  claim.leafPath = split(claim.leafPath);
  const {command, height, position, index} = claim;
  claim.anchor = {command, height, position, index, path: split(claim.logPath)};
  claim.state = parseCut(claim.state);
}

function readAccess(claim) {
  id(claim.custodian);
  claim.head.path = split(claim.head.path);
  id(claim.subject);
  claim.list = parseCut(claim.list);
  for (const opening of claim.openings) {
    if (opening.detailsHash.length === 0) continue;
    id(opening.detailsHash);
    demand(opening.detailsSalt.length === 0 && opening.details.length === 0, 'details both hidden and shown');
  }
  claim.state = parseCut(claim.state);
  for (const place of [claim.after, claim.before])
    demand(place.length === 0 || place.length === 12, 'the place of an entry has not 12 bytes');
}

export function decodeBundle(bytes) {
  return at('format', () => {
    demand(equal(bytes.subarray(0, magic.length), magic), 'not a proof bundle of this format');
    demand(bytes.length - magic.length <= maxBundle, 'too large');
    const bundle = decode(schema.bundle, bytes.subarray(magic.length));
    id(bundle.ledger);
    checkForm(bundle.chain);
    demand(bundle.record !== undefined || bundle.access !== undefined, 'claims nothing');
    if (bundle.record) readRecord(bundle.record);
    else readAccess(bundle.access);
    if (bundle.checkpoint) bundle.checkpoint.consistency = split(bundle.checkpoint.consistency);
    return bundle;
  });
}

function checkTrusted(chain, trust) {
  let power = 0n;
  for (const signer of signersOf(chain)) power += trust.validators.find((known) => equal(known.key, signer.key))?.power ?? 0n;
  demand(power * 3n > trust.total * 2n, "no more than two thirds of the trusted validators' power signed");
}

// The tree over the named roots has RFC 6962's shape and the map's leaves.
function openRoots({header, roots}) {
  const fold = (hashes) => {
    if (hashes.length === 1) return hashes[0];
    let left = 1;
    while (left * 2 < hashes.length) left *= 2;
    return nodeHash(fold(hashes.slice(0, left)), fold(hashes.slice(left)));
  };
  const hashes = roots.map(({name, value}) => leafOf(name, sha256(value)));
  demand(equal(hashes.length === 0 ? sha256() : fold(hashes), header.appHash), 'the header commits to other roots');
  const named = (name, size) => {
    const root = roots.find((each) => each.name.toString('latin1') === name);
    demand(root !== undefined && root.value.length === size, 'the roots of log and state are missing');
    return root.value;
  };
  const log = named('log', 40);
  return {logRoot: log.subarray(0, 32), logSize: log.readBigUInt64BE(32), stateRoot: named('state', 32), height: header.height};
}

// Who saw what: 'index' is that of the command that the claim rests on.
function verifyCheckpoint(bundle, trust, committed, index) {
  const seen = {witnesses: 0, size: 0n};
  if (bundle.checkpoint) {
    at('checkpoint', () => {
      demand(trust.log !== null, 'the trust file names no key of the log');
      const note = parseNote(bundle.checkpoint.note);
      const {signers} = verifyNote(note, [...trust.witnesses, trust.log]);
      demand(signers.size === note.signatures.length, 'a signature of an unknown key, or one twice');
      demand(signers.has(trust.witnesses.length), 'not signed by the log');
      const point = parseCheckpoint(note.text);
      demand(point.origin === `careledger/${trust.chainId}`, 'of another log');
      const [older, newer] = [[point.size, point.root], [committed.logSize, committed.logRoot]];
      const inOrder = point.size <= committed.logSize ? [...older, ...newer] : [...newer, ...older];
      verifyConsistency(...inOrder, bundle.checkpoint.consistency);
      demand(index < point.size, 'older than the command it should cover');
      seen.witnesses = signers.size - 1;
      seen.size = point.size;
    });
  }
  if (seen.witnesses < trust.quorum) throw new Refusal('quorum', 'too few witnesses cosigned');
  return seen;
}

function checkpointLine(size, logSize, block) {
  if (size === 0n) return 'Checkpoint: none.';
  return size >= logSize ? `Checkpoint: as new as block ${block}.`
    : `Checkpoint: older than block ${block}, by ${logSize - size} entries of the log.`;
}

// Who vouches for which part: never one line for what witnesses have seen and for what they have not.
function voucherLines(bundle, trust, committed, claim, seen) {
  const signers = signersOf(bundle.chain).length;
  const block = bundle.chain.header.height - 1n;
  const what = seen.witnesses === 0 ? 'nothing'
    : `the ${claim.what}, as entry ${claim.logged.index + 1n} of a log of which they cosigned ${seen.size}`;
  return [
    `Witnessed by ${seen.witnesses} of ${trust.witnesses.length}: ${what}.`,
    `Signed by ${signers} ${signers === 1 ? 'key' : 'keys'}, not witnessed: the state after block ${block}; ` +
      `from it the organisation's name and keys${claim.ofState}.`,
    checkpointLine(seen.size, committed.logSize, block),
  ];
}

// The report's lines, one fact each. Throws a Refusal.
export function verify(bytes, trust) {
  const bundle = decodeBundle(bytes);
  const {header} = bundle.chain;
  at('ledger', () => {
    demand(equal(bundle.ledger, trust.ledger), 'of another ledger');
    demand(equal(header.chainId, Buffer.from(trust.chainId)), 'of another chain');
  });
  at('header', () => verifyCommit(bundle.chain));
  at('validators', () => checkTrusted(bundle.chain, trust));
  const committed = at('app', () => openRoots(bundle.chain));
  const claim = bundle.record ? verifyRecord(bundle, committed) : verifyAccess(bundle, committed);
  const seen = verifyCheckpoint(bundle, trust, committed, claim.logged.index);
  const {lines, logged} = claim;
  const count = logged.command.signatures.length;
  if (count > 0) lines.push(`Organisation's signatures on the ${claim.what}: ${count}.`);
  lines.push(`Ledger: ${bundle.ledger.toString('hex')}`, ...voucherLines(bundle, trust, committed, claim, seen));
  return lines;
}
