// Every route at both sizes, light and dark: no fault in the console, no scrolling sideways, one primary button, a skip link.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchBrowser, PHONE, PROJECTOR } from '../lib/browser.mjs';
import { command, newDataDir, removeDataDir, startServer } from '../lib/server.mjs';
import { smallShow } from '../lib/story.mjs';

describe('every route', () => {
  const dataDir = newDataDir();
  const env = smallShow('2017-07-27');
  let server;
  let browser;
  before(async () => {
    command(['seed'], { dataDir, env });
    server = await startServer({ dataDir, env });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    removeDataDir(dataDir);
  });

  const routes = ['/', '/?step=2.2', '/runs', '/runs/RUN', '/report', '/lake', '/lake/bronze.ga_sessions', '/lake/bronze.ga_sessions?tab=history', '/lake/bronze.ga_sessions?tab=schema', '/lake/bronze.ga_sessions?tab=schema&against=silver.sessions', '/lake/bronze.ga_sessions?tab=rows', '/lake/bronze.ga_sessions?tab=rows&row=1', '/report?country=United+Kingdom&map=revenue', '/report?from=never', '/sql', '/sql?saved=1', '/reset', '/reset?scope=all', '/nowhere', '/?step=9.9', '/runs/run-0000-none'];
  for (const [size, viewport, schemes] of [['projector', PROJECTOR, ['light', 'dark']], ['phone', PHONE, ['dark']]]) {
    for (const colorScheme of schemes) {
      it(`reads well on a ${size}, ${colorScheme}`, async () => {
        // What is not there answers 404, which Chromium also writes to the console.
        const page = await browser.newPage({ origin: server.url, viewport, colorScheme, expected: [/404/] });
        await page.goto('/runs');
        const run = await page.getByRole('main').getByRole('link', { name: /Seed/ }).first().getAttribute('href');
        for (const route of routes) {
          const path = route.replace('/runs/RUN', run);
          const response = await page.goto(path);
          const missing = /nowhere|9\.9|none/.test(route);
          assert.equal(response.status(), missing ? 404 : 200, path);
          await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
          await page.getByRole('heading', { level: 1 }).waitFor();
          const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.ok(sideways <= 0, `${path} scrolls sideways by ${sideways} px`);
          assert.ok((await page.locator('.btn.primary').count()) <= 1, `${path} has more than one primary button`);
          assert.equal(await page.locator('a.skip').count(), 1);
          await page.picture(`route${path.replace(/[^a-z0-9.]+/gi, '-')}-${size}-${colorScheme}`);
        }
        page.assertClean();
        await page.context().close();
      });
    }
  }
});
