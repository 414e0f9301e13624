// Walks: headers that lead, by the rules of CometBFT's light client, from validators of before to those that signed a bundle's header.
// Without a clock: over two thirds of the validators before must have signed what is not the very next block.
import {demand, equal} from './bytes.mjs';
import {headerHash, signedBy, verifyCommit} from './chain.mjs';

export const maxWalk = 256;

function before(a, b) {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanos < b.nanos);
}

function checkFollows(trusted, later) {
  const [old, header] = [trusted.header, later.header];
  demand(equal(old.chainId, header.chainId), 'belongs to another chain');
  demand(header.height > old.height, 'not above the trusted one');
  demand(before(old.time, header.time), 'not later than the trusted one');
  if (header.height !== old.height + 1n) {
    const total = trusted.validators.reduce((sum, {power}) => sum + power, 0n);
    demand(signedBy(trusted.validators, total, later), 'signed by no more than two thirds of the power of the validators before');
    return;
  }
  demand(equal(header.validatorsHash, old.nextValidatorsHash), 'its validators are not those announced before');
  const last = header.lastBlockId;
  const none = last.hash.length === 0 && last.parts.total === 0 && last.parts.hash.length === 0;
  demand(none || equal(last.hash, headerHash(old)), 'it names another block before it: the chain is forked');
}

function ofBlock({header}, work) {
  try {
    work();
  } catch (error) {
    throw new Error(`block ${header.height}: ${error.message}`);
  }
}

// Every block holds in itself and follows from the one before it, the bundle's own header from the last.
export function checkWalk(walk, target) {
  for (const block of walk) ofBlock(block, () => verifyCommit(block));
  walk.forEach((block, i) => {
    const next = i + 1 < walk.length ? walk[i + 1] : target;
    ofBlock(next, () => checkFollows(block, next));
  });
}

// The last of these blocks, from the place `from` on, that the trust file's validators vouch for; the bundle's own header is the one
// behind the walk's last. -1: none.
export function vouched({validators, total}, walk, target, from) {
  if (signedBy(validators, total, target)) return walk.length;
  return walk.findLastIndex((block, i) => i >= from && signedBy(validators, total, block));
}
