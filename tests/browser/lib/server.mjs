// Starts the real binary on a free port, with a data folder of its own.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const READY = /Showrunner is ready at (http:\/\/\S+)/;
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;

const binary = () => {
  if (!process.env.SHOWRUNNER_BIN) throw new Error('SHOWRUNNER_BIN names no binary; run the specs by `make test`');
  return process.env.SHOWRUNNER_BIN;
};

/** A new, empty data folder; whoever makes it removes it. */
export function newDataDir() {
  return mkdtempSync(join(tmpdir(), 'showrunner-spec-'));
}

/** Removes a data folder. */
export function removeDataDir(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Runs one command to its end, such as ['seed', '--days', '3'], and returns what it wrote to stdout. */
export function command(args, { dataDir, env = {} }) {
  const done = spawnSync(binary(), [...args, '--data-dir', dataDir], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (done.error) throw done.error;
  if (done.status !== 0) {
    throw new Error(`showrunner ${args.join(' ')} ended with ${done.status ?? done.signal}:\n${done.stderr}${done.stdout}`);
  }
  return done.stdout;
}

/**
 * Starts `showrunner serve` and waits until it says where it listens.
 * Without a data folder it makes one, and removes it when it stops; without an address it takes a free port.
 */
export async function startServer({ dataDir, env = {}, args = [], addr = '127.0.0.1:0' } = {}) {
  const folder = dataDir ?? newDataDir();
  const child = spawn(binary(), ['serve', '--addr', addr, '--data-dir', folder, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Nothing outlives a spec that was broken off.
  const killChild = () => child.kill('SIGKILL');
  process.once('exit', killChild);

  let log = '';
  const ended = new Promise((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
    child.once('error', (error) => resolve(error.message));
  }).then((outcome) => {
    process.off('exit', killChild);
    return outcome;
  });
  const running = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;

  const release = () => {
    if (dataDir === undefined) removeDataDir(folder);
  };
  let timer;
  const url = await new Promise((resolve, reject) => {
    const refuse = (reason) => reject(new Error(`the server ${reason}; it wrote:\n${log}`));
    timer = setTimeout(() => refuse(`was not ready after ${START_LIMIT_MS / 1000} s`), START_LIMIT_MS);
    const read = (chunk) => {
      log += chunk;
      const ready = READY.exec(log);
      if (ready) resolve(ready[1].replace(/\/$/, ''));
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    ended.then((outcome) => refuse(`ended with ${outcome} before it was ready`));
  })
    .catch((error) => {
      killChild();
      release();
      throw error;
    })
    .finally(() => clearTimeout(timer));

  return {
    url,
    dataDir: folder,
    /** Everything it wrote so far. */
    log: () => log,
    /** Ends it the polite way; fails when it does not obey, or ended before. */
    async stop() {
      const early = !running();
      child.kill('SIGTERM');
      const limit = setTimeout(killChild, STOP_LIMIT_MS);
      const outcome = await ended;
      clearTimeout(limit);
      release();
      if (early || outcome === 'SIGKILL') {
        throw new Error(`the server ${early ? `had ended with ${outcome}` : 'did not stop on SIGTERM'}; it wrote:\n${log}`);
      }
    },
    /** Ends it as a power cut would; the data folder stays. */
    async kill() {
      killChild();
      await ended;
    },
  };
}

/** Waits until `probe` returns something true, and returns it. */
export async function until(what, probe, { limitMs = 30_000 } = {}) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not so after ${limitMs / 1000} s`);
    await once(AbortSignal.timeout(50), 'abort');
  }
}
