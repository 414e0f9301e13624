// Cuts through a Merkle map (docs/formats/merkle-map.md).
import ics23 from '@confio/ics23';
import {demand, equal, sha256} from './bytes.mjs';
import {emptyRoot, nodeHash} from './tree.mjs';

const maxDepth = 128;
const maxKey = 127;

export function leafOf(key, valueHash) {
  const bytes = Buffer.allocUnsafe(3 + key.length + 32);
  bytes[0] = 0;
  bytes[1] = key.length;
  bytes.set(key, 2);
  bytes[2 + key.length] = 32;
  bytes.set(valueHash, 3 + key.length);
  return sha256(bytes);
}

// The message as a tree of {hash} and {key, valueHash, value?}; null for an empty map. Nothing may be missing and nothing left over.
export function parseCut(cut) {
  let bit = 0;
  let hashes = 0;
  let keys = 0;
  let values = 0;
  const nextBit = () => {
    demand(bit < cut.shape.length * 8, 'the shape ends too early');
    const set = (cut.shape[bit >> 3] >> (7 - (bit & 7))) & 1;
    bit += 1;
    return set === 1;
  };
  const nextHash = () => {
    demand((hashes + 1) * 32 <= cut.hashes.length, 'too few hashes');
    hashes += 1;
    return cut.hashes.subarray(hashes * 32 - 32, hashes * 32);
  };
  const entry = () => {
    if (!nextBit()) return {hash: nextHash()};
    const shown = nextBit();
    demand(keys < cut.keys.length, 'too few keys');
    const key = cut.keys[keys++];
    if (!shown) return {key, valueHash: nextHash()};
    demand(values < cut.values.length, 'too few values');
    const value = cut.values[values++];
    return {key, value, valueHash: sha256(value)};
  };
  const cells = [];   // the preorder, 'inner' or an entry
  for (let open = cut.shape.length > 0 ? 1 : 0; open > 0;) {
    if (nextBit()) {
      cells.push('inner');
      open += 1;
    } else {
      cells.push(entry());
      open -= 1;
    }
  }
  demand((bit + 7) >> 3 === cut.shape.length, 'the shape is too long');
  for (; bit < cut.shape.length * 8; ++bit) demand(((cut.shape[bit >> 3] >> (7 - (bit & 7))) & 1) === 0, 'a stray bit in the shape');
  demand(hashes * 32 === cut.hashes.length && keys === cut.keys.length && values === cut.values.length, 'more than the shape has room for');
  return cells;
}

// Keys ascend and none is the beginning of another; of two that ascend only the first can be.
const ascend = (a, b) => Buffer.compare(a, b) < 0 && (a.length >= b.length || !equal(a, b.subarray(0, a.length)));

// What a verified cut knows: leaves in order, and whether hashes stand between neighbours.
export class MapView {
  constructor(cells, root) {
    this.leaves = [];
    this.gapBefore = [];
    let gap = false;
    let next = 0;
    const read = (depth) => {
      demand(next < cells.length, 'the shape ends too early');
      demand(depth <= maxDepth, 'deeper than 128');
      const cell = cells[next++];
      if (cell === 'inner') {
        const left = read(depth + 1);
        const right = read(depth + 1);
        demand(!(left.closed && right.closed), 'a subtree is opened for nothing');
        return {hash: nodeHash(left.hash, right.hash), closed: false, left, right};
      }
      if (cell.hash) {
        gap = true;
        return {hash: cell.hash, closed: true};
      }
      demand(cell.key.length > 0 && cell.key.length <= maxKey, "a key's length is wrong");
      const before = this.leaves[this.leaves.length - 1];
      demand(!before || ascend(before.key, cell.key), 'keys out of order');
      this.gapBefore.push(gap);
      gap = false;
      this.leaves.push(cell);
      return {hash: leafOf(cell.key, cell.valueHash), closed: false, leaf: cell};
    };
    if (cells.length === 0) {
      demand(equal(root, emptyRoot), 'the map is not empty');
    } else {
      this.top = read(0);
      demand(equal(this.top.hash, root), 'leads to another root');
    }
    this.gapBefore.push(gap);
    this.root = root;
  }

  lowerBound(key) {
    let low = 0;
    let high = this.leaves.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Buffer.compare(this.leaves[middle].key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  find(key) {
    const leaf = this.leaves[this.lowerBound(key)];
    return leaf && equal(leaf.key, key) ? leaf : undefined;
  }

  look(key) {
    const leaf = this.find(key);
    if (leaf) return leaf.value === undefined ? 'hash only' : 'present';
    return this.gapBefore[this.lowerBound(key)] ? 'unknown' : 'absent';
  }

  range(first, last) {
    demand(last.length === 0 || Buffer.compare(first, last) <= 0, 'the range ends before it begins');
    const from = this.lowerBound(first);
    const to = last.length === 0 ? this.leaves.length : this.lowerBound(last);
    for (let i = from; i <= to; ++i) demand(!this.gapBefore[i], 'the range may not be complete');
    return {from, to, rows: this.leaves.slice(from, to)};
  }

  // Only what these questions need: values of `present`, neighbours of `absent`.
  exactly(present, absent) {
    const needed = new Set();
    for (const key of absent) {
      const after = this.lowerBound(key);
      needed.add(after).add(after - 1);
    }
    const wanted = new Set(present.map((key) => key.toString('hex')));
    return this.leaves.every((leaf, i) => {
      const shown = wanted.has(leaf.key.toString('hex'));
      return shown === (leaf.value !== undefined) && (shown || needed.has(i));
    });
  }

  exactlyRange({from, to}) {
    const shownInside = this.leaves.every((leaf, i) => (i >= from && i < to) === (leaf.value !== undefined));
    return shownInside && from <= 1 && this.leaves.length - to <= 1;
  }

  // The same rows once more by somebody else's code: each shown row as an ICS23 existence proof.
  checkByIcs23() {
    const leafOp = {hash: 1, prehashKey: 0, prehashValue: 1, length: 1, prefix: Buffer.from([0])};
    const visit = (node, path) => {
      if (node.leaf && node.leaf.value !== undefined) {
        const exist = {key: node.leaf.key, value: node.leaf.value, leaf: leafOp, path: [...path].reverse()};
        demand(ics23.verifyMembership({exist}, ics23.tendermintSpec, this.root, node.leaf.key, node.leaf.value), 'ICS23 does not agree');
      }
      if (!node.left) return;
      visit(node.left, [...path, {hash: 1, prefix: Buffer.from([1]), suffix: node.right.hash}]);
      visit(node.right, [...path, {hash: 1, prefix: Buffer.concat([Buffer.from([1]), node.left.hash]), suffix: Buffer.alloc(0)}]);
    };
    if (this.top) visit(this.top, []);
  }
}

// The first key after every key that begins with `prefix`.
export function prefixEnd(prefix) {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; --i) {
    if (end[i] === 0xff) continue;
    end[i] += 1;
    return end.subarray(0, i + 1);
  }
  return Buffer.alloc(0);
}
