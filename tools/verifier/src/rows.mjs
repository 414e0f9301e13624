// Rows of the ledger's state as a claim shows them.
import {at, demand, equal} from './bytes.mjs';
import {verifies} from './ed25519.mjs';
import {MapView} from './map.mjs';
import * as schema from './schema.mjs';
import {decode} from './wire.mjs';

const keyed = (space, id) => Buffer.concat([Buffer.from([space]), id]);
export const keys = {
  account: (id) => keyed(0x01, id),
  pastAuthorities: (id) => keyed(0x03, id),
  organisation: (id) => keyed(0x10, id),
  exception: (digest) => keyed(0x40, digest),
  head: (id) => keyed(0x50, id),
};

const lastBlock = (1n << 64n) - 1n;

export class StateRows {
  constructor(cut, root) {
    this.view = new MapView(cut, root);
    this.present = [];
    this.absent = [];
  }

  row(key, type, what) {
    const leaf = this.view.find(key);
    demand(leaf !== undefined && leaf.value !== undefined, `the row is missing: ${what}`);
    this.present.push(key);
    return decode(type, leaf.value);
  }

  look(key) {
    const known = this.view.look(key);
    if (known === 'absent') this.absent.push(key);
    return known;
  }

  // The present authority of an account, and those replaced that are shown: the last block under each, and its keys.
  authorities(id, height) {
    const out = [{keys: this.row(keys.account(id), schema.account, 'account').authority?.keys ?? [], until: lastBlock}];
    const prefix = keys.pastAuthorities(id);
    for (const leaf of this.view.leaves) {
      if (leaf.value === undefined || !equal(leaf.key.subarray(0, prefix.length), prefix)) continue;
      const past = decode(schema.pastAuthority, leaf.value);
      demand(past.untilHeight >= height, 'an authority that was replaced before');
      this.present.push(leaf.key);
      out.push({keys: past.authority?.keys ?? [], until: past.untilHeight});
    }
    return out;
  }

  finish() {
    demand(this.view.exactly(this.present, this.absent), 'more rows than the claim needs');
    this.view.checkByIcs23();
  }
}

// Every signature is by another key of `role` in one of the authorities that were not replaced before `height`, and holds.
export function checkSignatures(step, authorities, height, role, bytes, signatures) {
  at(step, () => {
    const used = new Set();
    for (const {key, algorithm, signature} of signatures) {
      demand(!used.has(key) && signature.length === 64 && algorithm === 1, 'a signature in a form that is not allowed');
      used.add(key);
      const candidates = authorities.filter(({until}) => until >= height).flatMap((authority) => authority.keys)
        .filter((known) => known.number === key && known.role === role && known.algorithm === 1 && known.publicKey.length === 32);
      demand(candidates.some((known) => verifies(known.publicKey, bytes, signature)), 'a signature does not hold');
    }
  });
}
