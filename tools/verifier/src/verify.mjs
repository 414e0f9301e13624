// Believes a proof bundle with a trust file and nothing else, by the steps of docs/formats/proof-bundle.md. The first that fails is the
// step of the Refusal that is thrown.
import {at, demand, equal, Refusal, sha256} from './bytes.mjs';
import {checkForm, checkRoots, headerHash, milliseconds, rfc3339, signersOf, verifyCommit} from './chain.mjs';
import {leafOf, parseCut} from './map.mjs';
import {parseCheckpoint, parseNote, verifyNote} from './note.mjs';
import {verifyRecord} from './record.mjs';
import {verifyAccess} from './access.mjs';
import * as schema from './schema.mjs';
import {nodeHash, split, verifyConsistency} from './tree.mjs';
import {checkWalk, maxWalk, vouched} from './walk.mjs';
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
    checkRoots(bundle.chain.roots);
    demand(bundle.walk.length <= maxWalk, 'the walk is too long');
    bundle.walk.forEach(checkForm);
    demand(bundle.record !== undefined || bundle.access !== undefined, 'claims nothing');
    if (bundle.record) readRecord(bundle.record);
    else readAccess(bundle.access);
    if (bundle.checkpoint) bundle.checkpoint.consistency = split(bundle.checkpoint.consistency);
    return bundle;
  });
}

const clockDrift = 10000n;   // milliseconds, as CometBFT's light client allows
const timeOf = (ms) => rfc3339({seconds: ms / 1000n, nanos: Number(ms % 1000n) * 1000000});

// The trusting period, by the verifier's clock in milliseconds. A trust file without one is believed for good, and no clock is read.
function checkTime(blocks, {anchor}, now) {
  if (anchor === null) return;
  demand(now !== undefined, 'the trust file has a trusting period, and there is no clock');
  demand(BigInt(now) < anchor.ends, `expired trust: the trust file is of ${timeOf(anchor.time)} and was to be believed until ` +
    `${timeOf(anchor.ends)}; get a newer one from somebody you trust`);
  for (const {header} of blocks)
    demand(milliseconds(header.time) < BigInt(now) + clockDrift, "a block is from the future; look at this machine's clock");
}

// Where the trust file's validators vouch for a block of the walk, or for the header itself: its place.
function checkTrusted({chain, walk}, trust) {
  for (const {header} of trust.anchor === null ? [] : [...walk, chain])
    demand(header.height !== trust.anchor.height || equal(headerHash(header), trust.anchor.hash),
           'another block than the trust file names at its height: the chain is forked');
  // No way begins below the anchor: validators who took office again since may have signed there, and others between that and now.
  const below = trust.anchor === null ? 0 : walk.filter(({header}) => header.height < trust.anchor.height).length;
  const place = vouched(trust, walk, chain, below);
  demand(place >= 0, "no more than two thirds of the trusted validators' power signed");
  return place;
}

// By whom, in the end: the validators that the trust file names, at a time that it may bound.
function trustLines({chain, walk}, {anchor}, from) {
  const lines = [];
  const headers = walk.length - from;
  if (headers > 0) {
    const {height, time} = walk[from].header;
    lines.push(`Followed: from block ${height} (${rfc3339(time)}), which the trust file's validators signed, over ${headers} ` +
      `${headers === 1 ? 'header' : 'headers'} to block ${chain.header.height}, each signed by over two thirds of the validators before ` +
      'or by those they announced.');
  }
  if (anchor !== null) {
    lines.push(`Trusting period: the trust file is of block ${anchor.height} (${timeOf(anchor.time)}) and believed until ` +
      `${timeOf(anchor.ends)}.`);
  } else if (headers > 0) {
    lines.push("Trusting period: none; whoever has got the keys of over two thirds of one of these validators' sets since could lead " +
      'elsewhere.');
  }
  return lines;
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

// The report's lines, one fact each. Throws a Refusal. `now` is the clock in milliseconds: a trust file with an anchor wants one.
export function verify(bytes, trust, now) {
  const bundle = decodeBundle(bytes);
  const {chain, walk} = bundle;
  const {header} = chain;
  at('ledger', () => {
    demand(equal(bundle.ledger, trust.ledger), 'of another ledger');
    demand(equal(header.chainId, Buffer.from(trust.chainId)), 'of another chain');
  });
  at('time', () => checkTime([...walk, chain], trust, now));
  at('header', () => verifyCommit(chain));
  at('walk', () => checkWalk(walk, chain));
  const from = at('validators', () => checkTrusted(bundle, trust));
  const committed = at('app', () => openRoots(chain));
  const claim = bundle.record ? verifyRecord(bundle, committed) : verifyAccess(bundle, committed);
  const seen = verifyCheckpoint(bundle, trust, committed, claim.logged.index);
  const {lines, logged} = claim;
  const count = logged.command.signatures.length;
  if (count > 0) lines.push(`Organisation's signatures on the ${claim.what}: ${count}.`);
  lines.push(`Ledger: ${bundle.ledger.toString('hex')}`, ...trustLines(bundle, trust, from));
  lines.push(...voucherLines(bundle, trust, committed, claim, seen));
  return lines;
}
