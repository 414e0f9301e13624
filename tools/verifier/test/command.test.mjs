// The command: exit 0 with what is proven, 1 with the first step that fails, 2 for wrong usage.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

const command = fileURLToPath(new URL('../bin/verify.mjs', import.meta.url));
const corpus = JSON.parse(readFileSync(new URL('../../../tests/vectors/bundles/corpus.json', import.meta.url), 'utf8'));
const run = (...words) => spawnSync(process.execPath, [command, ...words], {encoding: 'utf8'});

test('exit codes and output', () => {
  const folder = mkdtempSync(join(tmpdir(), 'verifier-'));
  try {
    const good = corpus.find(({name}) => name === 'record');
    const [file, trust] = [join(folder, 'proof'), join(folder, 'trust.json')];
    writeFileSync(file, Buffer.from(good.bundle, 'base64'));
    writeFileSync(trust, good.trust);
    const proven = run(file, '--trust', trust);
    assert.equal(proven.status, 0, proven.stderr);
    assert.deepEqual(proven.stdout.trimEnd().split('\n'), good.lines);
    writeFileSync(file, Buffer.from(corpus.find(({step}) => step === 'log').bundle, 'base64'));
    const refused = run(file, '--trust', trust);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /^refused: log: /);
    assert.equal(run(join(folder, 'nothing'), '--trust', trust).status, 1);
    assert.equal(run(file).status, 2);
  } finally {
    rmSync(folder, {recursive: true});
  }
});
