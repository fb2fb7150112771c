// Measures the lake on Google Cloud's stand-ins, where each call of Cloud Storage takes 50 ms: the seed of 61 days and a reset of everything.
// Prints rows for the table of docs/performance.md; nothing here is a test. SHOWRUNNER_BIN names the binary.
//   node tests/browser/latency.mjs [FOLDER]   keeps the lists of calls there
//
// The ideal is the time of the same command without latency, and its calls sixteen at once: calls × 50 ms / 16. What the multiple of it is
// more than 1 is calls that wait for each other.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing, startPeers } from './lib/peers.mjs';
import { command, newDataDir, removeDataDir } from './lib/server.mjs';

const LATENCY_MS = 50;
const AT_ONCE = 16;
const COMMANDS = [
  ['seed of 61 days', ['seed', '--days', '61']],
  ['reset of everything', ['reset', '--yes']],
];

/** Seconds and calls of each command, with so much latency. */
async function measured(latency) {
  const peers = await startPeers({ fake: ['--latency-ms', `${latency}`] });
  const dataDir = newDataDir();
  try {
    const all = async () => (await fetch(`${peers.gcs}/_fake/calls`)).json();
    const found = [];
    let before = 0;
    for (const [, args] of COMMANDS) {
      const begun = performance.now();
      command(args, { dataDir, env: peers.env });
      const seconds = (performance.now() - begun) / 1_000;
      const calls = (await all()).slice(before);
      before += calls.length;
      found.push({ seconds, calls });
    }
    return found;
  } finally {
    await peers.stop();
    removeDataDir(dataDir);
  }
}

/** Seconds in which exactly one call was under way: what waits for nothing but the network. */
function alone(calls) {
  const ends = calls.flatMap(({ at, ms }) => [[at, 1], [at + ms / 1_000, -1]]).sort((a, b) => a[0] - b[0]);
  let [running, since, sum] = [0, 0, 0];
  for (const [at, change] of ends) {
    if (running === 1) sum += at - since;
    running += change;
    since = at;
  }
  return sum;
}

const absent = missing();
if (absent) {
  console.log(`Left out: the seed and the reset with ${LATENCY_MS} ms for each call of Cloud Storage. ${absent}.`);
} else {
  const without = await measured(0);
  const slow = await measured(LATENCY_MS);
  console.log('| what | wanted | measured |\n|---|---|---|');
  for (const [i, [what]] of COMMANDS.entries()) {
    const { seconds, calls } = slow[i];
    const ideal = without[i].seconds + (calls.length * LATENCY_MS) / 1_000 / AT_ONCE;
    console.log(
      `| ${what}, Google Cloud's stand-ins, ${LATENCY_MS} ms for each call of Cloud Storage | ≤ 1.5× the ideal with ${AT_ONCE} calls at once | ` +
        `${(seconds / ideal).toFixed(2)}×: ${seconds.toFixed(1)} s, ${calls.length} calls, ideal ${ideal.toFixed(1)} s (${without[i].seconds.toFixed(1)} s without latency); ${alone(calls).toFixed(1)} s with one call under way |`,
    );
  }
  const folder = process.argv[2];
  if (folder) {
    for (const [i, [, [name]]] of COMMANDS.entries()) {
      writeFileSync(join(folder, `${name}.json`), JSON.stringify(slow[i].calls));
    }
  }
}
