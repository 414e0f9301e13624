// usage: node verify_lists.mjs TRUST FILE…: for each file a line with the milliseconds of its verification, by the clock and of the
// processor (all threads of node), without the start of node itself.
import {readFileSync} from 'node:fs';
import {performance} from 'node:perf_hooks';
import {parseTrust} from '../tools/verifier/src/trust.mjs';
import {verify} from '../tools/verifier/src/verify.mjs';

const [trust, ...bundles] = process.argv.slice(2).map((file) => readFileSync(file));
const known = parseTrust(trust);
for (const bundle of bundles) {
  const start = performance.now();
  const before = process.cpuUsage();
  verify(bundle, known);
  const used = process.cpuUsage(before);
  console.log(performance.now() - start, (used.user + used.system) / 1000);
}
