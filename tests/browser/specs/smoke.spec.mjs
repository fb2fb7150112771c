// The first page opens, with and without JavaScript, and says nothing in the console.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchBrowser } from '../lib/browser.mjs';
import { startServer } from '../lib/server.mjs';

describe('the first page', () => {
  let server;
  let browser;
  before(async () => {
    server = await startServer();
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  for (const javaScript of [true, false]) {
    it(`has a heading and a clean console with JavaScript ${javaScript ? 'on' : 'off'}`, async () => {
      const page = await browser.newPage({ origin: server.url, javaScript });
      let client = null;
      page.on('response', (response) => {
        if (response.url().endsWith('.wasm')) client = response;
      });
      const response = await page.goto('/', { waitUntil: 'load' });
      assert.equal(response.status(), 200);
      const heading = page.getByRole('heading', { level: 1 });
      await heading.waitFor();
      assert.notEqual((await heading.textContent()).trim(), '');
      if (javaScript) {
        // The client's own mark: the page answers to clicks from here on.
        await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
        assert.equal(client?.status(), 200);
      } else {
        // The browser may still have fetched the client, since the page asks for it early; it must not have run.
        assert.equal(await page.locator('html[data-hydrated]').count(), 0);
      }
      await page.picture(`smoke-${javaScript ? 'js' : 'no-js'}`);
      page.assertClean();
      await page.context().close();
    });
  }
});
