// Every form with JavaScript off: post, redirect, get.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchBrowser } from '../lib/browser.mjs';
import { startServer, until } from '../lib/server.mjs';
import { smallShow } from '../lib/story.mjs';

describe('the story without JavaScript', () => {
  let server;
  let browser;
  let page;
  before(async () => {
    server = await startServer({ env: smallShow('2017-07-27') });
    browser = await launchBrowser();
    page = await browser.newPage({ origin: server.url, javaScript: false });
  });
  after(async () => {
    page?.assertClean();
    await browser?.close();
    await server?.stop();
  });

  const press = (name) => page.getByRole('main').getByRole('button', { name, exact: true }).click();
  const reads = (path, pattern) =>
    until(`${path} reads ${pattern}`, async () => {
      // The page loads itself again while something runs, and may do so at this very moment.
      await page.goto(path).catch((error) => {
        if (!/ERR_ABORTED/.test(error.message)) throw error;
      });
      return pattern.test(await page.getByRole('main').innerText());
    }, { limitMs: 90_000 });

  it('presses the seed', async () => {
    await page.goto('/');
    await press('Seed the history');
    assert.match(page.url(), /\/\?step=1\.1$/);
    await reads('/?step=1.1', /Next: See where the data is/);
  });

  it('looks', async () => {
    await page.goto('/?step=1.2');
    await press('Open the lake');
    assert.match(page.url(), /\/lake$/);
  });

  it('uploads the day, and a file of its own', async () => {
    await page.goto('/?step=2.1');
    await press('Upload as customer01');
    await reads('/?step=2.1', /Waiting for end_file\.txt \(1 file/);
    await page.getByText('Upload a file of your own').click();
    await page.setInputFiles('input[type=file]', [
      { name: '../evil name;.json', mimeType: 'application/json', buffer: Buffer.from('{"fullVisitorId":"1","visitId":"x"}\n') },
    ]);
    await page.getByRole('button', { name: /^Upload/ }).last().click();
    await reads('/?step=2.1', /Waiting for end_file\.txt \(2 files/);
  });

  it('refuses an upload without a file, and says why', async () => {
    await page.goto('/?step=2.1');
    await page.getByText('Upload a file of your own').click();
    // The browser itself asks for a file first; a form that comes without one anyway is answered in words.
    assert.equal(await page.locator('input[type=file]').getAttribute('required'), '');
    const day = await page.locator('input[name=day]').first().inputValue();
    const answer = await page.request.post('/upload', { multipart: { day }, headers: { origin: server.url, referer: `${server.url}/?step=2.1` } });
    assert.match(await answer.text(), /No file was chosen/);
    const elsewhere = await page.request.post('/upload', { multipart: { day: 'customer99/ga_sessions/2017-07-29' }, headers: { origin: server.url } });
    assert.match(await elsewhere.text(), /There is no customer/);
    const foreign = await page.request.post('/upload', { multipart: { day }, headers: { origin: 'http://elsewhere.example' } });
    assert.equal(foreign.status(), 403);
  });

  it('writes the marker; the bad file is held back, the good one is loaded', async () => {
    await page.goto('/?step=2.2');
    await press('Write end_file.txt');
    await reads('/?step=2.2', /needs a look/);
    assert.match(await page.getByRole('main').innerText(), /Quarantine/);
    await page.getByRole('link', { name: 'Rows, reasons' }).first().click();
    assert.match(await page.getByRole('main').innerText(), /visitId/);
  });

  it('writes the marker again: duplicate; ingests again: a new run', async () => {
    await page.goto('/?step=2.2');
    await press('Write end_file.txt again');
    assert.match(await page.getByRole('main').innerText(), /duplicate, ignored/);
    await press('Ingest the day again');
    assert.match(page.url(), /\/runs\/run-/);
    const run = new URL(page.url()).pathname;
    await reads(run, /Run again/);
  });

  it('changes the theme and stays on the page', async () => {
    await page.goto('/runs');
    await page.getByRole('button', { name: /dark/i }).click();
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
    assert.match(page.url(), /\/runs$/);
    await page.getByRole('button', { name: /system/i }).click();
  });

  it('resets everything with proof, and refuses a stale plan', async () => {
    await page.goto('/reset');
    await page.getByRole('radio', { name: /Everything/ }).check();
    await page.getByRole('button', { name: /show/i }).first().click();
    assert.match(page.url(), /scope=all/);
    const stale = await page.locator('input[name=plan]').inputValue();
    await page.getByRole('button', { name: /^Delete/ }).click();
    const run = page.url();
    assert.match(run, /\/reset\?run=/);
    await reads(run, /Reset verified/);
    const answer = await page.request.post('/api/confirm_reset', { form: { scope: 'all', plan: stale }, headers: { accept: 'application/json', origin: server.url } });
    assert.equal(answer.status(), 200, await answer.text());
    await reads('/', /Seed the history/);
  });
});
