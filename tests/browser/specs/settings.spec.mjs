// The settings page: Google Cloud checked by a press, commands copied, differences with their proofs; without JavaScript too.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { launchBrowser, PHONE } from '../lib/browser.mjs';
import { startServer } from '../lib/server.mjs';

/** An address at which nobody answers. */
async function closed() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

describe('the settings page', () => {
  let server;
  let without;
  let browser;
  before(async () => {
    const address = await closed();
    const endpoints = ['GCS', 'GCS_CONTROL', 'PUBSUB', 'BIGQUERY', 'BIGQUERY_GRPC'].map((name) => [`SHOWRUNNER_${name}_ENDPOINT`, address]);
    const hook = { SHOWRUNNER_HOOK_AUDIENCE: 'https://show.example.com/hooks/gcs', SHOWRUNNER_HOOK_ACCOUNT: 'push@acme-demo.iam.gserviceaccount.com' };
    server = await startServer({ env: { ...Object.fromEntries(endpoints), ...hook, SHOWRUNNER_HOOK_ISSUER: address, SHOWRUNNER_GCP_PROJECT: 'acme-demo' } });
    without = await startServer({ env: { SHOWRUNNER_GCP_PROJECT: undefined } });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    await without?.stop();
  });

  const open = async (path, { origin = server.url, ...options } = {}) => {
    const page = await browser.newPage({ origin, ...options });
    await page.goto(path, { timeout: 120_000 });
    if (options.javaScript !== false) await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    return page;
  };
  const close = async (page) => {
    page.assertClean();
    await page.context().close();
  };
  const cloud = (page) => page.getByRole('region', { name: 'Google Cloud' });
  const checked = (page) => cloud(page).getByRole('table', { name: 'showrunner cloud check' });

  it('checks the project when it is asked to, and says that it is at it', async () => {
    const page = await open('/settings');
    assert.equal(await checked(page).count(), 0, 'nothing is asked before');
    await cloud(page).getByRole('button', { name: 'Check' }).click();
    await cloud(page).getByRole('status').filter({ hasText: /being looked at\.\s*[1-9]\d* s/ }).waitFor();
    await page.picture('settings-checking');
    await checked(page).waitFor({ timeout: 120_000 });
    assert.match(page.url(), /\/settings\?check=google-cloud$/);
    await cloud(page).getByText(/^\d+ things to mend$/).waitFor();
    const bucket = checked(page).getByRole('row', { name: /bucket sa-ingestion-demo-dev/ });
    assert.match(await bucket.innerText(), /Red/);
    assert.match(await checked(page).getByRole('row', { name: /^APIs/ }).innerText(), /Not asked/);
    assert.match(await checked(page).getByRole('row', { name: /^quota of queries/ }).innerText(), /Not asked/);
    await cloud(page).getByRole('button', { name: 'Check again' }).waitFor();
    await page.picture('settings-checked');
    await close(page);
  });

  it('copies the command that mends a line', async () => {
    const page = await open('/settings?check=google-cloud');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
    const row = checked(page).getByRole('row', { name: /^bucket sa-ingestion-demo-dev/ });
    await row.getByRole('button', { name: /^Copy: Command for bucket sa-ingestion-demo-dev/ }).click();
    await row.getByRole('status').filter({ hasText: 'Copied' }).waitFor({ state: 'attached' });
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, await row.locator('.code').textContent());
    assert.match(copied, /^(showrunner|gcloud) /);
    await row.getByRole('status').filter({ hasText: 'Copied' }).waitFor({ state: 'detached' });
    await close(page);
  });

  it('does the same without JavaScript', async () => {
    const page = await open('/settings', { javaScript: false });
    await cloud(page).getByRole('button', { name: 'Check' }).click({ timeout: 120_000 });
    await checked(page).waitFor({ timeout: 120_000 });
    assert.match(page.url(), /\?check=google-cloud#google-cloud$/);
    assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'Settings');
    await close(page);
  });

  it('is read on a phone and in the dark', async () => {
    for (const options of [{ colorScheme: 'dark' }, { viewport: PHONE }, { viewport: PHONE, colorScheme: 'dark' }]) {
      const page = await open('/settings?check=google-cloud', options);
      await checked(page).waitFor();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, 'nothing is wider than the screen');
      await page.picture(`settings-${options.viewport ? 'phone' : 'projector'}-${options.colorScheme ?? 'light'}`);
      await close(page);
    }
  });

  it('says that whoever pushes cannot be recognised', async () => {
    const page = await open('/settings');
    const row = page.getByRole('row', { name: /^pushes/ });
    assert.match(await row.innerText(), /Red/);
    assert.match(await row.innerText(), /could not be read/);
    await close(page);
  });

  it('lists what is different, with tests and sources', async () => {
    const page = await open('/settings#differences');
    const table = page.getByRole('region', { name: 'Differences between the two back ends' }).getByRole('table');
    const line = table.getByRole('row', { name: /^backlog of a subscription/ });
    assert.match(await line.innerText(), /exact, at once/);
    assert.equal(await line.getByRole('link').getAttribute('href'), 'https://cloud.google.com/pubsub/docs/monitoring');
    await table.getByRole('row', { name: /^max_backlog_bytes/ }).waitFor();
    // A long name goes on in the next line behind an underscore, or not at all.
    const broken = await page.locator('.settings .name').evaluateAll((names) =>
      names.flatMap((name) => {
        const range = document.createRange();
        const lines = [];
        for (const text of [...name.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE)) {
          range.selectNodeContents(text);
          if (range.getClientRects().length > 1) lines.push(text.data);
        }
        return lines;
      }));
    assert.deepEqual(broken, []);
    await close(page);
  });

  it('says how a project is set where there is none', async () => {
    const page = await open('/settings?check=google-cloud', { origin: without.url });
    assert.match(await cloud(page).innerText(), /SHOWRUNNER_GCP_PROJECT/);
    assert.equal(await cloud(page).getByRole('button').count(), 0);
    await close(page);
  });
});
