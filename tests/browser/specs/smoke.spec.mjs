// The first page opens, with and without JavaScript, and says nothing in the console.
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { useShow } from '../lib/show.mjs';

describe('the first page', () => {
  const show = useShow({ seeded: false });

  it('brings a client of less than 350 KB', async () => {
    let bytes = 0;
    for (const file of ['showrunner.wasm', 'showrunner.js']) {
      const request = http.get(`${show.server.url}/pkg/${file}`, { headers: { 'accept-encoding': 'br' } });
      const [answer] = await once(request, 'response');
      assert.equal(answer.headers['content-encoding'], 'br', file);
      for await (const chunk of answer) bytes += chunk.length;
    }
    assert.ok(bytes < 350_000, `the client has ${bytes} bytes`);
  });

  for (const javaScript of [true, false]) {
    it(`has a heading and a clean console with JavaScript ${javaScript ? 'on' : 'off'}`, async () => {
      const page = await show.browser.newPage({ origin: show.server.url, javaScript });
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
