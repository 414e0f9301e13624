// The log of RFC 6962 and CometBFT's simple tree, which has the same shape and hashes.
import {demand, equal, sha256} from './bytes.mjs';

const zero = Buffer.from([0]);
export const leafHash = (data) => sha256(zero, data);

const node = Buffer.alloc(65, 1);   // 1 ‖ left ‖ right, written anew for each
export function nodeHash(left, right) {
  node.set(left, 1);
  node.set(right, 33);
  return sha256(node);
}
export const emptyRoot = sha256();

export function split(bytes) {
  demand(bytes.length % 32 === 0, 'hashes are not a multiple of 32 bytes');
  const out = [];
  for (let i = 0; i < bytes.length; i += 32) out.push(bytes.subarray(i, i + 32));
  return out;
}

export function rootOf(items) {
  const fold = (hashes) => {
    if (hashes.length === 1) return hashes[0];
    let left = 1;
    while (left * 2 < hashes.length) left *= 2;
    return nodeHash(fold(hashes.slice(0, left)), fold(hashes.slice(left)));
  };
  return items.length === 0 ? emptyRoot : fold(items.map(leafHash));
}

// RFC 9162 section 2.1.3.2; index and size are BigInt.
export function verifyInclusion(hash, index, size, path, root) {
  demand(index < size, 'the tree has no such leaf');
  let node = index;
  let last = size - 1n;
  for (const sibling of path) {
    demand(last !== 0n, 'the path is too long');
    if ((node & 1n) === 1n || node === last) {
      hash = nodeHash(sibling, hash);
      while ((node & 1n) === 0n && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    node >>= 1n;
    last >>= 1n;
  }
  demand(last === 0n, 'the path is too short');
  demand(equal(hash, root), 'the path leads to another root');
}

// RFC 9162 section 2.1.4.2, and the edge cases: nothing to prove wants an empty proof.
export function verifyConsistency(size1, root1, size2, root2, path) {
  demand(size1 <= size2, 'the older tree is the larger one');
  if (size1 === 0n || size1 === size2) {
    demand(path.length === 0, 'nothing to prove, and yet there is a proof');
    demand(size1 !== size2 || equal(root1, root2), 'one size and two roots');
    demand(size1 !== 0n || equal(root1, emptyRoot), 'this is not the root of the empty tree');
    return;
  }
  demand(path.length > 0, 'the proof is empty');
  const whole = (size1 & (size1 - 1n)) === 0n;
  let rest = whole ? path : path.slice(1);
  let old = whole ? root1 : path[0];
  let fresh = old;
  let node = size1 - 1n;
  let last = size2 - 1n;
  while ((node & 1n) === 1n) {
    node >>= 1n;
    last >>= 1n;
  }
  for (const hash of rest) {
    demand(last !== 0n, 'the proof is too long');
    if ((node & 1n) === 1n || node === last) {
      old = nodeHash(hash, old);
      fresh = nodeHash(hash, fresh);
      while ((node & 1n) === 0n && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      fresh = nodeHash(fresh, hash);
    }
    node >>= 1n;
    last >>= 1n;
  }
  demand(last === 0n, 'the proof is too short');
  demand(equal(old, root1) && equal(fresh, root2), 'the proof leads to other roots');
}
