// Runs the browser specs one after another, by node's own test runner:
//   node tests/browser/run.mjs [WORD…]   only specs whose file name has one of the words
// SHOWRUNNER_BIN names the binary; `make test` sets it.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, 'specs');

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}

if (!existsSync(process.env.SHOWRUNNER_BIN ?? '')) {
  fail(`SHOWRUNNER_BIN must name the showrunner binary, but is ${process.env.SHOWRUNNER_BIN ?? 'not set'}. \`make test\` builds it and sets it.`);
}
if (!existsSync(join(here, 'node_modules', 'playwright-core'))) {
  fail('playwright-core is missing. Run scripts/setup.sh test');
}

const words = process.argv.slice(2);
const specs = readdirSync(folder)
  .filter((name) => name.endsWith('.spec.mjs'))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .sort();
if (specs.length === 0) fail(`no spec in ${folder} matches ${words.join(', ') || '*.spec.mjs'}`);

const { status, signal } = spawnSync(
  process.execPath,
  [
    '--test', '--test-concurrency=1',
    '--test-reporter=spec', '--test-reporter-destination=stdout',
    // After everything else, so that it is seen where only the end of a long output is kept.
    `--test-reporter=${pathToFileURL(join(here, 'lib', 'failed.mjs'))}`, '--test-reporter-destination=stderr',
    ...specs.map((name) => join(folder, name)),
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
if (signal) fail(`the runner was ended by ${signal}`);
process.exit(status);
