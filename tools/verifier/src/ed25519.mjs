// Ed25519 under ZIP-215, which decides every signature of the ledger. What held once is remembered: a caller may try many bundles.
import {createHash} from 'node:crypto';
import * as ed25519 from '@noble/ed25519';

ed25519.etc.sha512Sync = (...parts) => {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const seen = new Map();
const seenMax = 10000;

export function verifies(key, message, signature) {
  if (key.length !== 32 || signature.length !== 64) return false;
  const name = createHash('sha256').update(key).update(signature).update(message).digest('base64');
  if (!seen.has(name)) {
    if (seen.size >= seenMax) seen.clear();
    let holds = false;
    try {
      holds = ed25519.verify(signature, message, key, {zip215: true});
    } catch {
      holds = false;   // bytes that are no point or no scalar
    }
    seen.set(name, holds);
  }
  return seen.get(name);
}
