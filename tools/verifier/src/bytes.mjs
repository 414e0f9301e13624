// Hashes, framing and text checks shared by all parts.
import * as crypto from 'node:crypto';
import {isUtf8} from 'node:buffer';

export class Refusal extends Error {
  constructor(step, message) {
    super(`${step}: ${message}`);
    this.step = step;
  }
}

// Runs `work`; whatever goes wrong in it is a refusal at this step.
export function at(step, work) {
  try {
    return work();
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(step, error.message);
  }
}

export function demand(holds, message) {
  if (!holds) throw new Error(message);
}

// Newer Node hashes in one call, which is much faster for the many short inputs here.
const atOnce = (bytes) => crypto.hash('sha256', bytes, 'buffer');
const digest = crypto.hash ? atOnce : (bytes) => crypto.createHash('sha256').update(bytes).digest();

export const sha256 = (...parts) => digest(parts.length === 1 ? parts[0] : Buffer.concat(parts));

export const equal = (a, b) => Buffer.compare(a, b) === 0;
export const hex = (bytes) => Buffer.from(bytes).toString('hex');

export function u32(value) {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
}

export function u64(value) {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(value));
  return out;
}

// Length as u32 big-endian, then the bytes.
export const field = (bytes) => Buffer.concat([u32(Buffer.byteLength(bytes)), Buffer.from(bytes)]);

const tags = new Map();   // as fields: there are few
function tagField(tag) {
  if (!tags.has(tag)) tags.set(tag, field(tag));
  return tags.get(tag);
}

// SHA-256 over tag and fields, each as field() writes it.
export function tagged(tag, ...fields) {
  const head = tagField(tag);
  let size = head.length;
  for (const part of fields) size += 4 + part.length;
  const bytes = Buffer.allocUnsafe(size);
  bytes.set(head);
  let end = head.length;
  for (const part of fields) {
    bytes.writeUInt32BE(part.length, end);
    bytes.set(part, end + 4);
    end += 4 + part.length;
  }
  return digest(bytes);
}

export function takeField(rest) {
  demand(rest.length >= 4, 'a field is cut off');
  const size = rest.readUInt32BE(0);
  demand(rest.length - 4 >= size, 'a field is cut off');
  return [rest.subarray(4, 4 + size), rest.subarray(4 + size)];
}

export function text(bytes) {
  demand(isUtf8(bytes), 'not text');
  return Buffer.from(bytes).toString('utf8');
}

// Standard base64, padded, in its one form; null otherwise.
export function base64(value) {
  const bytes = Buffer.from(value, 'base64');
  return bytes.toString('base64') === value ? bytes : null;
}

// For a terminal: control characters become question marks.
export const plain = (value) => value.replace(/[\u0000-\u001f\u007f]/g, '?');
