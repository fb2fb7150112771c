// What the tests of a spec share: a server with a small show, and a browser.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { launchBrowser } from './browser.mjs';
import { command, newDataDir, removeDataDir, startServer, until } from './server.mjs';
import { smallShow } from './story.mjs';
import { ask } from './session.mjs';

/**
 * To be called within `describe`: before the tests, `server` and `browser` are there. `from` is the first day of the history;
 * without a seed the data folder is empty; `ran` delivers and ingests the story's day as well; `whole` is the shipped story itself.
 */
export function useShow({ from = '2017-07-27', seeded = true, ran = false, whole = false } = {}) {
  const dataDir = newDataDir();
  const env = whole ? {} : smallShow(from);
  const show = {
    env,
    /** A page that has been hydrated, if it has JavaScript. */
    async open(path, options = {}) {
      const page = await show.browser.newPage({ origin: show.server.url, ...options });
      await show.go(page, path, options);
      return page;
    },
    /** Goes to an address and returns the answer. */
    async go(page, path, { javaScript = true } = {}) {
      const response = await page.goto(path);
      if (javaScript) await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
      return response;
    },
    /** Fails when anything went wrong in the page. */
    async close(page) {
      page.assertClean();
      await page.context().close();
    },
    /** Presses a step's button, as a page does. */
    async press(step) {
      const answer = await ask(`${show.server.url}/api/press`, {
        method: 'POST',
        body: new URLSearchParams({ step }),
        headers: { accept: 'application/json', origin: show.server.url },
      });
      assert.ok(answer.ok, `pressing ${step}: ${answer.status} ${await answer.text()}`);
    },
    /** The newest runs, once none is under way. Streams are listed among them and go on for as long as they like: they are left out. */
    async settled(least = 1) {
      return until('no run is under way', async () => {
        const all = await (await ask(`${show.server.url}/api/runs`)).json();
        const runs = all.filter((run) => run.id.startsWith('run-'));
        return runs.length >= least && runs.every((run) => run.state !== 'running' && run.state !== 'next') && runs;
      }, { limitMs: 120_000 });
    },
    /** Starts the server, at the address that it had before if it ran already. */
    async start() {
      show.server = await startServer({ dataDir, env, addr: show.server && new URL(show.server.url).host });
    },
  };
  before(async () => {
    if (seeded) command(['seed'], { dataDir, env });
    await show.start();
    show.browser = await launchBrowser();
    if (ran) {
      const before = (await show.settled()).length;
      await show.press('2.1');
      await show.settled(before + 1);
      await show.press('2.2');
      await show.settled(before + 2);
    }
  });
  after(async () => {
    await show.browser?.close();
    await show.server?.stop();
    removeDataDir(dataDir);
  });
  return show;
}
