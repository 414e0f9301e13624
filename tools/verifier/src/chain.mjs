// CometBFT v0.38 headers, commits and validator sets.
import {demand, equal, sha256} from './bytes.mjs';
import {verifies} from './ed25519.mjs';
import {rootOf} from './tree.mjs';
import {writeBytes, writeFixed64, writeNumber, writeVarint} from './wire.mjs';

const maxTotalPower = ((1n << 63n) - 1n) / 8n;
const zeroSeconds = -62135596800n;
const lastSecond = 253402300799n;
const [absent, forBlock] = [1, 2];

const none = Buffer.alloc(0);
const timeBytes = (time) => Buffer.concat([writeNumber(1, time.seconds), writeNumber(2, time.nanos)]);
const partsBytes = (parts) => Buffer.concat([writeNumber(1, parts.total), writeBytes(2, parts.hash)]);
const blockIdBytes = (id) => Buffer.concat([writeBytes(1, id.hash), writeBytes(2, partsBytes(id.parts), true)]);
const wrapped = (bytes) => writeBytes(1, bytes);

export const address = (key) => sha256(key).subarray(0, 20);

export function headerHash(header) {
  return rootOf([
    Buffer.concat([writeNumber(1, header.version.block), writeNumber(2, header.version.app)]),
    wrapped(header.chainId), writeNumber(1, header.height), timeBytes(header.time), blockIdBytes(header.lastBlockId),
    wrapped(header.lastCommitHash), wrapped(header.dataHash), wrapped(header.validatorsHash), wrapped(header.nextValidatorsHash),
    wrapped(header.consensusHash), wrapped(header.appHash), wrapped(header.lastResultsHash), wrapped(header.evidenceHash),
    wrapped(header.proposerAddress),
  ]);
}

export const validatorsHash = (validators) =>
  rootOf(validators.map(({key, power}) => Buffer.concat([writeBytes(1, writeBytes(1, key), true), writeNumber(2, power)])));

const isNil = (id) => id.hash.length === 0 && id.parts.total === 0 && id.parts.hash.length === 0;
const isComplete = (id) => id.hash.length === 32 && id.parts.total > 0 && id.parts.hash.length === 32;

export function voteBytes(chainId, commit, vote) {
  const body = Buffer.concat([
    writeNumber(1, 2), writeFixed64(2, commit.height), writeFixed64(3, commit.round),
    vote.flag === forBlock && !isNil(commit.blockId) ? writeBytes(4, blockIdBytes(commit.blockId), true) : none,
    writeBytes(5, timeBytes(vote.timestamp), true), writeBytes(6, chainId),
  ]);
  return Buffer.concat([writeVarint(body.length), body]);
}

// The form that every reader refuses to differ from: sizes and ranges, whatever they mean.
export function checkForm({header, commit, validators}) {
  const hash = (bytes) => demand(bytes.length === 0 || bytes.length === 32, 'a hash has the wrong size');
  const time = ({seconds, nanos}) =>
    demand(nanos >= 0 && nanos <= 999999999 && seconds >= zeroSeconds && seconds <= lastSecond, 'a time is out of range');
  const blockId = (id) => {
    hash(id.hash);
    hash(id.parts.hash);
  };
  for (const name of ['lastCommitHash', 'dataHash', 'validatorsHash', 'nextValidatorsHash', 'consensusHash', 'appHash', 'lastResultsHash',
                      'evidenceHash']) hash(header[name]);
  demand(header.proposerAddress.length === 0 || header.proposerAddress.length === 20, "the proposer's address has the wrong size");
  time(header.time);
  blockId(header.lastBlockId);
  blockId(commit.blockId);
  demand(commit.signatures.length <= 1000 && validators.length <= 1000, 'too many votes or validators');
  for (const vote of commit.signatures) {
    demand(vote.flag >= 1 && vote.flag <= 3, "a vote's flag is unknown");
    time(vote.timestamp);
    const [addressSize, signatureSize] = vote.flag === absent ? [0, 0] : [20, 64];
    const sized = vote.address.length === addressSize && vote.signature.length === signatureSize;
    demand(sized, "a vote's address or signature has a wrong size");
  }
  for (const {key, power} of validators) demand(key.length === 32 && power <= maxTotalPower, 'a validator is not in its form');
}

export function checkRoots(roots) {
  roots.forEach(({name}, i) => {
    demand(name.length > 0 && name.length <= 127, "a root's name has a wrong size");
    demand(i === 0 || Buffer.compare(roots[i - 1].name, name) < 0, 'roots out of order');
  });
}

export function checkValidators(validators) {
  demand(validators.length > 0, 'the set is empty');
  let total = 0n;
  const addresses = validators.map(({key}) => address(key));
  validators.forEach(({power}, i) => {
    demand(power >= 1n && power <= maxTotalPower - total, 'a power out of range');
    total += power;
    if (i === 0) return;
    const before = validators[i - 1].power;
    demand(before > power || (before === power && Buffer.compare(addresses[i - 1], addresses[i]) < 0), 'validators out of order');
  });
  demand(new Set(addresses.map((a) => a.toString('hex'))).size === addresses.length, 'one validator stands in the set twice');
  return total;
}

function checkHeader(header) {
  demand(header.version.block === 11n, 'made under another block protocol');
  demand(header.chainId.length > 0 && header.chainId.length <= 50, "the chain id's length is wrong");
  demand(header.height >= 1n, 'the height is below 1');
  demand(isNil(header.lastBlockId) || isComplete(header.lastBlockId), 'the last block id is neither empty nor complete');
  demand(header.proposerAddress.length === 20, "the proposer's address has the wrong size");
  for (const name of ['validatorsHash', 'nextValidatorsHash', 'consensusHash']) demand(header[name].length === 32, 'a hash is missing');
}

export function verifyCommit({header, commit, validators}) {
  checkHeader(header);
  const total = checkValidators(validators);
  demand(equal(validatorsHash(validators), header.validatorsHash), 'names other validators');
  demand(commit.height === header.height, 'the commit is for another height');
  demand(commit.round >= 0, "the commit's round is negative");
  demand(isComplete(commit.blockId), 'the commit names no block');
  demand(equal(commit.blockId.hash, headerHash(header)), 'the commit is for another block');
  demand(commit.signatures.length === validators.length, 'the commit has not one place a validator');
  let power = 0n;
  commit.signatures.forEach((vote, i) => {
    if (vote.flag === absent) {
      demand(vote.timestamp.seconds === zeroSeconds && vote.timestamp.nanos === 0, 'an absent vote carries something');
      return;
    }
    demand(equal(vote.address, address(validators[i].key)), "a vote stands at another validator's place");
    demand(verifies(validators[i].key, voteBytes(header.chainId, commit, vote), vote.signature), "a validator's signature does not hold");
    if (vote.flag === forBlock) power += validators[i].power;
  });
  demand(power > (total * 2n) / 3n, 'signed by no more than two thirds of the power');
}

// Keys and power of those that voted for the block.
export const signersOf = ({commit, validators}) => validators.filter((_, i) => commit.signatures[i].flag === forBlock);

// Over two thirds of the power of these validators voted for the block.
export function signedBy(known, total, block) {
  let power = 0n;
  for (const signer of signersOf(block)) power += known.find((one) => equal(one.key, signer.key))?.power ?? 0n;
  return power * 3n > total * 2n;
}

// Rounded down.
export const milliseconds = ({seconds, nanos}) => seconds * 1000n + BigInt(Math.floor(nanos / 1000000));

export function rfc3339({seconds, nanos}) {
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace(/^\+00/, '');
  const fraction = nanos === 0 ? '' : '.' + String(nanos).padStart(9, '0').replace(/0+$/, '');
  return `${whole}${fraction}Z`;
}
