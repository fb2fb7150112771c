// What a button did: the run's calls, opened, filtered, copied; without JavaScript too.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchBrowser, PHONE } from '../lib/browser.mjs';
import { command, newDataDir, removeDataDir, startServer } from '../lib/server.mjs';
import { smallShow } from '../lib/story.mjs';

describe('the calls of a run', () => {
  const dataDir = newDataDir();
  const env = smallShow('2017-07-10');
  let server;
  let browser;
  let run;
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

  const open = async (path, options = {}) => {
    const page = await browser.newPage({ origin: server.url, ...options });
    await page.goto(path);
    if (options.javaScript !== false) await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    return page;
  };
  const close = async (page) => {
    page.assertClean();
    await page.context().close();
  };
  /** The call with this text in its head, opened. */
  const opened = async (page, head) => {
    const call = page.locator('details.call', { hasText: head }).first();
    if ((await call.getAttribute('open')) === null) await call.locator('summary').click();
    return call;
  };

  it('is asked from the finished step, and answered from the log', async () => {
    const page = await open('/?step=2.1');
    await page.getByRole('button', { name: 'Upload' }).first().click();
    await page.getByText('Done in').first().waitFor();
    await page.goto('/?step=2.2');
    await page.getByRole('button', { name: 'Write end_file.txt' }).first().click();
    await page.getByRole('link', { name: 'What did this button do?' }).click({ timeout: 60_000 });
    await page.getByRole('heading', { name: 'What did that button do?' }).waitFor();
    run = new URL(page.url()).pathname;
    assert.match(run, /^\/runs\/run-.*\/calls$/);
    const marker = await opened(page, 'end_file.txt');
    const text = await marker.innerText();
    assert.match(text, /storage\.objects\.insert/);
    assert.match(text, /POST https:\/\/storage\.googleapis\.com\/upload\/storage\/v1\/b\/sa-ingestion-.*end_file\.txt/);
    assert.match(text, /printf '' \| gcloud storage cp - gs:\/\/sa-ingestion-.*\/end_file\.txt/);
    await page.picture('calls');
    await close(page);
  });

  it('copies a call to the clipboard', async () => {
    const page = await open(run);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
    const marker = await opened(page, 'end_file.txt');
    const copy = marker.getByRole('button', { name: 'Copy: gcloud' });
    await copy.click();
    await marker.getByRole('status').filter({ hasText: 'Copied' }).waitFor({ state: 'attached' });
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, await marker.locator('.code').last().textContent());
    assert.match(copied, /^printf '' \| gcloud storage cp - gs:/);
    await close(page);
  });

  it('shows the calls of one step and of one kind, each at its own address', async () => {
    const page = await open(run);
    await page.getByRole('navigation', { name: 'Steps' }).getByRole('link', { name: /^Compute silver/ }).click();
    await page.waitForURL(/\?step=silver$/);
    // The address changes before the page does.
    await page.getByRole('navigation', { name: 'Steps' }).locator('[aria-current]', { hasText: 'Compute silver' }).waitFor();
    await page.getByRole('navigation', { name: 'Kinds' }).getByRole('link', { name: /^SQL/ }).click();
    await page.waitForURL(/\?step=silver&kind=sql$/);
    await page.locator('details.call', { hasText: 'One row for each session' }).waitFor();
    const call = await opened(page, 'One row for each session');
    const text = await call.innerText();
    assert.match(text, /2017-07-\d\d, customer01/);
    assert.match(text, /SELECT/);
    assert.match(text, /gcloud dataproc batches submit pyspark/);
    assert.equal(await page.locator('details.call', { hasText: 'objects.put' }).count(), 0);
    await page.picture('calls-sql');
    await page.goto(page.url());
    assert.equal(await page.getByRole('navigation', { name: 'Kinds' }).locator('[aria-current]').innerText().then((t) => t.startsWith('SQL')), true);
    await close(page);
  });

  it('counts what is alike, and turns pages', async () => {
    const page = await open('/runs');
    await page.getByRole('link', { name: /^Seed/ }).first().click();
    await page.getByRole('link', { name: 'All calls, step by step' }).click();
    await page.getByText(/1 to 25 of \d+/).waitFor();
    await page.getByRole('link', { name: 'Later calls' }).click();
    await page.getByText(/26 to 50 of \d+/).waitFor();
    await page.getByRole('navigation', { name: 'Steps' }).getByRole('link', { name: /^Write bronze/ }).click();
    const counted = page.locator('details.call', { hasText: 'bronze.read' }).last();
    await counted.locator('summary').click();
    assert.match(await counted.innerText(), /And \d+ more like those above, .* in all/);
    await close(page);
  });

  it('reads without JavaScript, with nothing to press that does nothing', async () => {
    const page = await open(run, { javaScript: false, viewport: PHONE });
    const marker = await opened(page, 'end_file.txt');
    assert.match(await marker.innerText(), /gcloud storage cp/);
    assert.equal(await page.getByRole('button', { name: /^Copy/ }).count(), 0);
    await page.picture('calls-phone-no-javascript');
    await page.goto(run.replace('/calls', ''));
    await page.getByRole('heading', { name: 'What did that button do?' }).waitFor();
    await close(page);
  });

  it('says which Google call a query of the SQL page stands for', async () => {
    const page = await open('/sql?q=SELECT+%27it%27%27s%27+AS+a');
    await page.getByText('The Google call that it stands for').click();
    const text = await page.getByRole('main').innerText();
    assert.match(text, /POST https:\/\/bigquery\.googleapis\.com\/bigquery\/v2\/projects\/PROJECT\/queries/);
    assert.ok(text.includes(`bq --location=US query --nouse_legacy_sql --max_rows=1000 'SELECT '\\''it'\\'''\\''s'\\'' AS a'`), text);
    await close(page);
  });
});
