// usage: node verify_lists.mjs TRUST FILE…: milliseconds of the verification of each file, a line each, without node's own start.
import {readFileSync} from 'node:fs';
import {performance} from 'node:perf_hooks';
import {parseTrust} from '../tools/verifier/src/trust.mjs';
import {verify} from '../tools/verifier/src/verify.mjs';

const [trust, ...bundles] = process.argv.slice(2).map((file) => readFileSync(file));
const known = parseTrust(trust);
for (const bundle of bundles) {
  const start = performance.now();
  verify(bundle, known);
  console.log(performance.now() - start);
}
