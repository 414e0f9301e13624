// JSON read strictly: no duplicate keys, nothing after the value. Numbers stay text, so that 1e1 and 10 differ.
import {demand} from './bytes.mjs';

export class NumberText {
  constructor(value) {
    this.text = value;
  }
}

const numberAt = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const stringAt = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const spaceAt = /[ \t\n\r]*/y;

export function parseJson(source, depthMax = 4) {
  let at = 0;
  const take = (pattern) => {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match) at = pattern.lastIndex;
    return match ? match[0] : null;
  };
  const skip = () => take(spaceAt);
  const string = () => {
    const raw = take(stringAt);
    demand(raw !== null, 'expected a string');
    const value = JSON.parse(raw);
    demand(value.isWellFormed ? value.isWellFormed() : !/[\ud800-\udfff]/u.test(value), 'a lone surrogate');
    return value;
  };
  const list = (close, item) => {
    at += 1;
    skip();
    if (source[at] === close) {
      at += 1;
      return;
    }
    for (;;) {
      item();
      skip();
      const next = source[at++];
      if (next === close) return;
      demand(next === ',', 'expected a comma');
      skip();
    }
  };
  const value = (depth) => {
    skip();
    const first = source[at];
    if (first === '"') return string();
    if (first === '{' || first === '[') demand(depth < depthMax, 'too deep');
    if (first === '[') {
      const out = [];
      list(']', () => out.push(value(depth + 1)));
      return out;
    }
    if (first === '{') {
      const out = new Map();
      list('}', () => {
        const key = string();
        demand(!out.has(key), 'a key stands there twice');
        skip();
        demand(source[at++] === ':', 'expected a colon');
        out.set(key, value(depth + 1));
      });
      return out;
    }
    for (const [word, meaning] of [['true', true], ['false', false], ['null', null]]) {
      if (!source.startsWith(word, at)) continue;
      at += word.length;
      return meaning;
    }
    const number = take(numberAt);
    demand(number !== null, 'expected a value');
    return new NumberText(number);
  };
  const out = value(0);
  skip();
  demand(at === source.length, 'something follows the value');
  return out;
}
