// Measures every page of a server with the whole story's data: time to first byte, and largest contentful paint on a processor slowed
// four times. Prints rows for the table of docs/performance.md; nothing here is a test. SHOWRUNNER_BIN names the binary.
//   node tests/browser/bench.mjs [WORD…]   only addresses that have one of the words
import http from 'node:http';
import { once } from 'node:events';
import { launchBrowser } from './lib/browser.mjs';
import { addresses } from './lib/routes.mjs';
import { session } from './lib/session.mjs';
import { command, newDataDir, removeDataDir, startServer } from './lib/server.mjs';

const REQUESTS = 200;
const PAINTS = 5;
const SLOWED = 4;

const at = (values, part) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];

/** Milliseconds from sending a request to the first byte of its answer, one request after another on one connection. */
async function firstBytes(url) {
  const { name, value } = await session(new URL(url).origin);
  const headers = { accept: 'text/html', cookie: `${name}=${value}` };
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const times = [];
  // The first ones warm what is kept in memory, as a presenter's own look at the page does.
  for (let i = -5; i < REQUESTS; i++) {
    const begun = performance.now();
    const request = http.get(url, { agent, headers });
    const [answer] = await once(request, 'response');
    if (i >= 0) times.push(performance.now() - begun);
    answer.resume();
    await once(answer, 'end');
  }
  agent.destroy();
  return times;
}

/** Milliseconds until the largest element is painted, in a browser that has nothing of the site yet. */
async function paint(browser, origin, path) {
  const page = await browser.newPage({ origin });
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWED });
  await page.goto(path);
  await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
  const time = await page.evaluate(
    () =>
      new Promise((resolve) => {
        let last = NaN;
        new PerformanceObserver((list) => (last = list.getEntries().at(-1).startTime)).observe({ type: 'largest-contentful-paint', buffered: true });
        setTimeout(() => resolve(last), 500);
      }),
  );
  await page.context().close();
  return time;
}

/**
 * Milliseconds from asking for one record to its number on the board, painted: the request, the publishing, both commits' share, the frame.
 * The stream is paused, so that each record is one that is asked for.
 */
async function pixels(browser, origin, rounds) {
  const page = await browser.newPage({ origin });
  await page.goto('/stream');
  await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
  const post = (path, fields) => page.evaluate(([path, fields]) => fetch(path, { method: 'POST', body: new URLSearchParams(fields), headers: { accept: 'application/json' } }).then((answer) => answer.ok), [path, fields]);
  await post('/api/start_stream', { day: '2017-07-31', rate: '0.1', payload: 'full', dates: 'today', end: 'loop' });
  await post('/api/change_stream', { change: 'pause', value: '' });
  // All that was published before the pause is on the board.
  await page.waitForFunction(() => {
    const tile = document.querySelector('#board .tile');
    const number = (what) => Number(tile.querySelector(what).textContent.replace(/[^0-9]/g, ''));
    return document.querySelector('#board').textContent.includes('Paused') && number('dd.big') === number('dd.delta');
  });
  const times = [];
  for (let i = 0; i < rounds; i++) {
    times.push(await page.evaluate(() => new Promise((resolve) => {
      const number = () => document.querySelector('#board .tile dd.big').textContent;
      const before = number();
      const begun = performance.now();
      const observer = new MutationObserver(() => {
        if (number() === before) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
      });
      observer.observe(document.querySelector('#board'), { subtree: true, childList: true, characterData: true });
      fetch('/api/change_stream', { method: 'POST', body: new URLSearchParams({ change: 'step', value: '' }), headers: { accept: 'application/json' } });
    })));
    await page.waitForTimeout(700);
  }
  await post('/api/change_stream', { change: 'stop', value: '' });
  await page.context().close();
  return times;
}

/**
 * Milliseconds from publishing to pixels while records come at this rate: each time the board's counter is painted says how many records are
 * seen; the warehouse says when the first of so many was published. Records that were published together count each.
 */
async function pixelsAt(browser, origin, rate, seconds) {
  const page = await browser.newPage({ origin });
  await page.goto('/stream');
  await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
  const post = (path, fields) => page.evaluate(([path, fields]) => fetch(path, { method: 'POST', body: new URLSearchParams(fields), headers: { accept: 'application/json' } }).then((answer) => answer.ok), [path, fields]);
  const count = () => page.evaluate(() => Number(document.querySelector('#board .tile dd.big')?.textContent.replace(/[^0-9]/g, '') ?? 0));
  const before = await count();
  const begun = Date.now();
  await page.evaluate(() => {
    window.painted = [];
    const board = document.querySelector('#board');
    const look = () => requestAnimationFrame(() => setTimeout(() => {
      const number = Number(board.querySelector('.tile dd.big').textContent.replace(/[^0-9]/g, ''));
      if (number !== window.painted.at(-1)?.[1]) window.painted.push([performance.timeOrigin + performance.now(), number]);
    }));
    new MutationObserver(look).observe(board, { subtree: true, childList: true, characterData: true });
  });
  await post('/api/start_stream', { day: '2017-07-31', rate: `${rate}`, payload: 'flattened', dates: 'today', end: 'loop' });
  await page.waitForTimeout(seconds * 1_000);
  await post('/api/change_stream', { change: 'stop', value: '' });
  await page.waitForTimeout(3_000);
  const painted = await page.evaluate(() => window.painted);
  const query = `SELECT CAST(publish_time AS BIGINT) AS at, count(*) AS records FROM warehouse.ga_sessions_stream WHERE publish_time >= to_timestamp_millis(${begun}) GROUP BY publish_time ORDER BY publish_time`;
  const csv = await page.evaluate((query) => fetch(`/sql.csv?${new URLSearchParams({ q: query })}`).then((answer) => answer.text()), query);
  await page.context().close();
  const published = csv.trim().split('\n').slice(1).map((line) => line.split(',').map(Number));
  const times = [];
  let [seen, next] = [before, 0];
  for (const [at, records] of published) {
    seen += records;
    while (next < painted.length && painted[next][1] < seen) next++;
    if (next === painted.length) break;
    for (let i = 0; i < records; i++) times.push(painted[next][0] - at / 1_000);
  }
  return times;
}

const words = process.argv.slice(2);
const dataDir = newDataDir();
let server;
let browser;
try {
  command(['seed'], { dataDir });
  server = await startServer({ dataDir });
  const rows = [];
  const slowest = { byte: 0, paint: 0 };
  const pages = (await addresses(server.url)).filter(({ path, status }) => status === 200 && (words.length === 0 || words.some((word) => path.includes(word))));
  // Before there is a browser: one that closes its pages takes a processor of the two for a while.
  const first = new Map();
  for (const { path } of pages) first.set(path, await firstBytes(`${server.url}${path}`));
  browser = await launchBrowser();
  for (const { path } of pages) {
    const bytes = first.get(path);
    const paints = [];
    for (let i = 0; i < PAINTS; i++) paints.push(await paint(browser, server.url, path));
    const [p50, p99, lcp] = [at(bytes, 0.5), at(bytes, 0.99), at(paints, 0.5)];
    slowest.byte = Math.max(slowest.byte, p99);
    slowest.paint = Math.max(slowest.paint, lcp);
    rows.push(`| \`${path.replace(/run-[^/?]+/, 'RUN').replaceAll('|', '\\|')}\`: first byte; largest paint | p99 < 50 ms; < 1 s | p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; ${lcp.toFixed(0)} ms |`);
    process.stderr.write(`${rows.at(-1)}\n`);
  }
  if (words.length === 0 || words.includes('pixels')) {
    const times = await pixels(browser, server.url, 30);
    rows.push(`| one record a second: from the press for a record to its number on the board, painted | p99 < 1 s | p50 ${at(times, 0.5).toFixed(0)} ms, p99 ${at(times, 0.99).toFixed(0)} ms (30 records) |`);
  }
  if (words.length === 0 || words.includes('pixels')) {
    const times = await pixelsAt(browser, server.url, 1_000, 20);
    rows.push(`| flattened sessions at 1,000/s: publish to pixels, each record | – | p50 ${at(times, 0.5).toFixed(0)} ms, p99 ${at(times, 0.99).toFixed(0)} ms (${times.length} records) |`);
  }
  console.log('| what | wanted | measured |\n|---|---|---|');
  console.log(`| time to first byte, slowest of ${pages.length} pages | p99 < 50 ms | ${slowest.byte.toFixed(1)} ms |`);
  console.log(`| largest contentful paint, processor slowed ${SLOWED} times, slowest of ${pages.length} pages | < 1 s | ${slowest.paint.toFixed(0)} ms (median of ${PAINTS} each) |`);
  for (const row of rows) console.log(row);
} finally {
  await browser?.close();
  await server?.stop();
  removeDataDir(dataDir);
}
