// C2SP signed notes, checkpoints and cosignatures.
import {isUtf8} from 'node:buffer';
import {base64, demand, equal, sha256, text} from './bytes.mjs';
import {verifies} from './ed25519.mjs';

export const [logKind, witnessKind] = [1, 4];
const dash = '\u2014 ';
const space = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

export const isName = (name) => name.length > 0 && !/[\u0000-\u001f+]/.test(name) && !space.test(name);

export const keyId = ({name, kind, key}) => sha256(Buffer.from(name), Buffer.from([10, kind]), key).subarray(0, 4);

export function parseNote(bytes) {
  demand(bytes.length <= 64 * 1024, 'too large');
  demand(isUtf8(bytes) && !bytes.some((byte) => byte < 0x20 && byte !== 10), 'not plain text');
  const all = text(bytes);
  const at = all.lastIndexOf('\n\n');
  demand(at >= 0, 'no empty line before the signatures');
  const block = all.slice(at + 2);
  demand(block.endsWith('\n'), 'does not end in a signature line');
  const lines = block.slice(0, -1).split('\n');
  demand(lines.length <= 100, 'too many signatures');
  const signatures = lines.map((line) => {
    demand(line.startsWith(dash), 'a signature line does not begin with a dash');
    const rest = line.slice(dash.length);
    const gap = rest.indexOf(' ');
    demand(gap >= 0, 'a signature line has no signature');
    const raw = base64(rest.slice(gap + 1));
    demand(isName(rest.slice(0, gap)) && raw !== null && raw.length >= 5, 'a signature line is not name and base64');
    return {name: rest.slice(0, gap), id: raw.subarray(0, 4), body: raw.subarray(4)};
  });
  return {text: all.slice(0, at + 1), signatures};
}

// The indexes of the known keys that signed. A signature of a known key that does not hold is an error.
export function verifyNote(note, known) {
  const signers = new Set();
  let unknown = 0;
  for (const {name, id, body} of note.signatures) {
    const index = known.findIndex((key) => key.name === name && equal(keyId(key), id));
    if (index < 0) {
      unknown += 1;
      continue;
    }
    const timed = known[index].kind === witnessKind;
    demand(!timed || body.length > 8, 'a cosignature is too short');
    const head = timed ? `cosignature/v1\ntime ${body.readBigUInt64BE(0)}\n` : '';
    demand(verifies(known[index].key, Buffer.from(head + note.text), timed ? body.subarray(8) : body), 'a signature does not hold');
    signers.add(index);
  }
  return {signers, unknown};
}

export function parseCheckpoint(noteText) {
  const match = /^([^\n]+)\n(0|[1-9][0-9]{0,19})\n([^\n]+)\n$/.exec(noteText);
  demand(match !== null, 'a checkpoint has three lines');
  const root = base64(match[3]);
  const size = BigInt(match[2]);
  demand(root !== null && root.length === 32 && size < 1n << 64n, "a checkpoint's size or root is not one");
  return {origin: match[1], size, root};
}

