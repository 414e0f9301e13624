#!/usr/bin/env node
// careledger-verify FILE --trust TRUST: exit 0 and what is proven, or exit 1 and the first thing that fails. 2: wrong usage.
import {readFileSync} from 'node:fs';
import {Refusal} from '../src/bytes.mjs';
import {parseTrust} from '../src/trust.mjs';
import {verify} from '../src/verify.mjs';

const usage = 'usage: careledger-verify FILE --trust TRUST';
const words = process.argv.slice(2);
const at = words.indexOf('--trust');
const trustFile = at >= 0 ? words.splice(at, 2)[1] : undefined;
if (words.length !== 1 || trustFile === undefined) {
  console.error(usage);
  process.exit(2);
}
try {
  const trust = parseTrust(readFileSync(trustFile));
  for (const line of verify(readFileSync(words[0]), trust, Date.now())) console.log(line);
} catch (error) {
  if (!(error instanceof Refusal) && error.code === undefined) throw error;
  console.error(`refused: ${error.message}`);
  process.exit(1);
}
