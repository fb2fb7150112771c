// Stand-ins for Google's services, as a server with SHOWRUNNER_BACKEND=gcp wants them: the fake of Cloud Storage (tests/peers/gcs), Google's
// own Pub/Sub emulator, bqemulator. They share a folder, since bqemulator reads files of load jobs where the fake keeps its objects.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const FAKE = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'peers', 'gcs', 'serve.py');

/** Google's emulator: named by the environment, else beside `gcloud`. */
function emulator() {
  const named = process.env.SHOWRUNNER_PUBSUB_EMULATOR;
  if (named) return named;
  const gcloud = (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, 'gcloud')).find(existsSync);
  if (!gcloud) return undefined;
  for (let dir = realpathSync(gcloud); dir !== dirname(dir); dir = dirname(dir)) {
    const program = join(dir, 'platform', 'pubsub-emulator', 'bin', 'cloud-pubsub-emulator');
    if (existsSync(program)) return program;
  }
  return undefined;
}

/** What is missing on this machine, as a sentence; undefined if all stand-ins can run. */
export function missing() {
  if (!process.env.SHOWRUNNER_PEERS) return 'SHOWRUNNER_PEERS names no Python environment; `make test` makes one';
  if (!emulator()) return "Google's Pub/Sub emulator is not installed; SHOWRUNNER_PUBSUB_EMULATOR may name it";
  return undefined;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(port, what) {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const there = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (there) return;
    if (Date.now() > deadline) throw new Error(`${what} does not answer on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** DuckDB looks for extensions in the home folder, and would else fetch them: they lie beside bqemulator. */
function layOutExtensions(peers, home) {
  const platform = process.arch === 'x64' ? 'linux_amd64' : 'linux_arm64';
  for (const python of readdirSync(join(peers, 'lib'))) {
    const packages = join(peers, 'lib', python, 'site-packages');
    for (const extension of readdirSync(packages).filter((name) => name.startsWith('duckdb_extension_'))) {
      const versions = join(packages, extension, 'extensions');
      for (const version of existsSync(versions) ? readdirSync(versions) : []) {
        const to = join(home, '.duckdb', 'extensions', version, platform);
        mkdirSync(to, { recursive: true });
        for (const file of readdirSync(join(versions, version)).filter((name) => name.endsWith('.duckdb_extension'))) {
          copyFileSync(join(versions, version, file), join(to, file));
        }
      }
    }
  }
}

/** Starts all of them; `env` has the settings of a server that uses them. */
export async function startPeers({ fake = [] } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'showrunner-spec-peers-'));
  const [buckets, home] = [join(root, 'buckets'), join(root, 'home')];
  mkdirSync(buckets);
  mkdirSync(home);
  const children = [];
  const start = (program, args, options = {}) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
    child.once('error', (error) => console.error(`${program}: ${error.message}`));
    children.push(child);
    return child;
  };
  const killAll = () => children.forEach((child) => child.kill('SIGKILL'));
  process.once('exit', killAll);

  const peers = process.env.SHOWRUNNER_PEERS;
  const pubsub = await freePort();
  start(emulator(), ['--host=127.0.0.1', `--port=${pubsub}`], {
    env: { ...process.env, JAVA_TOOL_OPTIONS: '-Xmx512m' },
    stdio: 'ignore',
  });
  const storage = start(join(peers, 'bin', 'python'), [
    FAKE, '--root', buckets, '--pubsub', `127.0.0.1:${pubsub}`, '--with-parent', '--adopt', ...fake,
  ]);
  layOutExtensions(peers, home);
  const [rest, grpc] = [await freePort(), await freePort()];
  start(join(peers, 'bin', 'bqemulator'), ['start', '--rest-port', `${rest}`, '--grpc-port', `${grpc}`], {
    cwd: root,
    env: { ...process.env, HOME: home, BQEMU_GCS_LOCAL_ROOT: buckets },
    stdio: 'ignore',
  });
  const [line] = await once(createInterface({ input: storage.stdout }), 'line');
  const gcs = JSON.parse(line);
  await answers(pubsub, 'the Pub/Sub emulator');
  await answers(rest, 'bqemulator');
  await answers(grpc, "bqemulator's gRPC");
  return {
    env: {
      SHOWRUNNER_BACKEND: 'gcp',
      SHOWRUNNER_GCP_PROJECT: 'spec-project',
      SHOWRUNNER_GCS_ENDPOINT: gcs.http,
      SHOWRUNNER_GCS_CONTROL_ENDPOINT: gcs.grpc,
      SHOWRUNNER_PUBSUB_ENDPOINT: `http://127.0.0.1:${pubsub}`,
      SHOWRUNNER_BIGQUERY_ENDPOINT: `http://127.0.0.1:${rest}`,
      SHOWRUNNER_BIGQUERY_GRPC_ENDPOINT: `http://127.0.0.1:${grpc}`,
    },
    gcs: gcs.http,
    /** Rows that BigQuery's stand-in gives for a query, as lists of texts. */
    async query(sql) {
      const answer = await fetch(`http://127.0.0.1:${rest}/bigquery/v2/projects/spec-project/queries`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: sql, useLegacySql: false }),
      });
      const body = await answer.json();
      if (!answer.ok || body.errors?.length) throw new Error(`${sql}: ${JSON.stringify(body.errors ?? body)}`);
      return (body.rows ?? []).map((row) => row.f.map((cell) => cell.v));
    },
    /** What the fake of Cloud Storage was asked and did not know. */
    async refused() {
      return (await fetch(`${gcs.http}/_fake/refused`)).json();
    },
    /** Ends them and removes what they kept. */
    async stop() {
      killAll();
      process.off('exit', killAll);
      await Promise.all(children.map((child) => (child.exitCode ?? child.signalCode) === null && once(child, 'close')));
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
