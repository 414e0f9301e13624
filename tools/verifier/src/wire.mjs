// Canonical protobuf: fields in the order of their numbers, no defaults written, no unknown fields, shortest varints. Such bytes are
// exactly those that re-encode to themselves.
import {demand, text} from './bytes.mjs';

// A schema maps field numbers to {name, type, repeated?, required?, oneof?, bytesMax?}; type is 'bytes', 'string', 'uint32', 'uint64',
// 'int32', 'int64' or another schema; bytesMax is of all that a repeated field holds. Scalars left out read as their defaults, messages as
// undefined (unless required).
export function message(fields) {
  const schema = [];   // by number
  for (const [number, [name, type, options = {}]] of Object.entries(fields)) {
    schema[number] = {name, type, isNumber: numbers.has(type), zero: typeof type === 'string' ? zeros[type] : undefined, ...options};
  }
  return schema;
}

const numbers = new Set(['uint32', 'uint64', 'int32', 'int64']);
const zeros = {bytes: Buffer.alloc(0), string: '', uint32: 0, int32: 0, uint64: 0n, int64: 0n};

// A Number below 2^28, as most are, else a BigInt.
function varint(reader) {
  let low = 0;
  for (let i = 0; i < 4; ++i) {
    demand(reader.at < reader.bytes.length, 'a number is cut off');
    const byte = reader.bytes[reader.at++];
    low |= (byte & 0x7f) << (7 * i);
    if (byte & 0x80) continue;
    demand(i === 0 || byte !== 0, 'a number is not in its shortest form');
    return low;
  }
  return longVarint(reader, BigInt(low));
}

function longVarint(reader, low) {
  let value = low;
  for (let i = 4; ; ++i) {
    demand(i < 10 && reader.at < reader.bytes.length, 'a number is cut off');
    const byte = reader.bytes[reader.at++];
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte & 0x80) continue;
    demand(byte !== 0, 'a number is not in its shortest form');
    demand(value < 1n << 64n, 'a number is too large');
    return value;
  }
}

// Tags and lengths.
function small(reader) {
  const value = varint(reader);
  demand(value < 1n << 32n, 'a tag or length is too large');
  return Number(value);
}

function number(type, value) {
  if (type === 'uint64') return BigInt(value);
  if (type === 'int64') return BigInt.asIntN(64, BigInt(value));
  if (typeof value === 'number') return value;
  const wide = type === 'int32' ? BigInt.asIntN(64, value) : value;
  demand(type === 'int32' ? wide >= -(1n << 31n) && wide < 1n << 31n : wide < 1n << 32n, 'a number is too large');
  return Number(wide);
}

function value(reader, known) {
  if (known.isNumber) {
    const read = number(known.type, varint(reader));
    demand(read != 0, 'a zero is written out');   // eslint-disable-line eqeqeq
    return read;
  }
  const size = small(reader);
  demand(size <= reader.bytes.length - reader.at, 'a field is cut off');
  if (known.bytesMax !== undefined) demand((reader.taken += size) <= known.bytesMax, 'too many bytes');
  const bytes = reader.bytes.subarray(reader.at, reader.at + size);
  reader.at += size;
  if (Array.isArray(known.type)) return decode(known.type, bytes);
  demand(bytes.length > 0 || known.repeated || known.oneof, 'an empty field is written out');
  return known.type === 'string' ? text(bytes) : bytes;
}

function defaults(schema) {
  const out = {};
  for (const known of schema) {
    if (known !== undefined) out[known.name] = known.repeated ? [] : known.zero;
  }
  return out;
}

export function decode(schema, bytes) {
  const reader = {bytes, at: 0, taken: 0};
  const out = defaults(schema);
  const chosen = [];   // alternatives, by the name of their oneof
  let last = 0;
  while (reader.at < bytes.length) {
    const tag = small(reader);
    const at = tag >>> 3;
    const known = schema[at];
    demand(known !== undefined, 'an unknown field');
    demand((tag & 7) === (known.isNumber ? 0 : 2), 'a field of the wrong type');
    demand(at > last || (at === last && known.repeated), 'fields out of order or repeated');
    last = at;
    if (known.oneof) {
      demand(!chosen.includes(known.oneof), 'two alternatives at once');
      chosen.push(known.oneof);
    }
    const read = value(reader, known);
    if (known.repeated) out[known.name].push(read);
    else out[known.name] = read;
  }
  for (const known of schema) demand(!known?.required || out[known.name] !== undefined, `${known?.name} is missing`);
  return out;
}

// Writers, for what is hashed or signed.
export function writeVarint(value) {
  const out = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  out.push(Number(rest));
  return Buffer.from(out);
}

export const writeNumber = (number_, value_) =>
  BigInt(value_) === 0n ? Buffer.alloc(0) : Buffer.concat([writeVarint(number_ << 3), writeVarint(value_)]);

// always: also when empty, as Go writes messages that cannot be absent.
export const writeBytes = (number_, bytes, always = false) =>
  bytes.length === 0 && !always ? Buffer.alloc(0) : Buffer.concat([writeVarint((number_ << 3) | 2), writeVarint(bytes.length), bytes]);

export function writeFixed64(number_, value_) {
  if (BigInt(value_) === 0n) return Buffer.alloc(0);
  const out = Buffer.alloc(8);
  out.writeBigInt64LE(BigInt(value_));
  return Buffer.concat([writeVarint((number_ << 3) | 1), out]);
}
