// Customers: a second one from nothing to the warehouse beside the first, what its token may not, and its deletion with proof.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { command, newDataDir, removeDataDir } from '../lib/server.mjs';
import { PHONE, PROJECTOR, SCHEMES } from '../lib/browser.mjs';
import { useShow } from '../lib/show.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const DATE = '2017-07-28';

describe('customers', () => {
  const show = useShow();
  const { open, close } = show;
  let token = '';
  const send = (path, body, init = {}) =>
    fetch(`${show.server.url}/upload/${path}`, {
      method: 'PUT',
      body,
      headers: { authorization: `Bearer ${token}`, ...init.headers },
    });
  const row = (page, id) => page.getByRole('region', { name: 'Side by side' }).getByRole('row').filter({ hasText: id });

  it('creates a second customer and shows its token once', async () => {
    const page = await open('/customers');
    await page.getByRole('textbox', { name: 'Id, as in its folder' }).fill('customer02');
    await page.getByRole('textbox', { name: 'Title' }).fill('Second shop');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByText('No token yet').waitFor();
    assert.match(page.url(), /customer=customer02/);
    await page.getByRole('textbox', { name: 'For', exact: true }).fill('nightly export');
    await page.getByRole('button', { name: 'Create a token' }).click();
    const shown = page.getByRole('region', { name: 'New token' });
    await shown.waitFor();
    token = (await shown.locator('pre').first().innerText()).trim();
    assert.match(token, /^sru_[0-9a-f]{10}_[A-Za-z0-9_-]{43}$/);
    assert.ok(!page.url().includes(token.split('_').pop()), 'no secret in the address');
    await page.picture('customers-token');
    await page.reload();
    await page.getByText('nightly export').waitFor();
    assert.equal(await page.getByRole('region', { name: 'New token' }).count(), 0);
    assert.ok(!(await page.content()).includes(token.split('_').pop()));
    await close(page);
  });

  it('takes a day by token into the warehouse, beside the first customer', async () => {
    const page = await open('/customers');
    const first = await row(page, 'customer01').innerText();
    const out = newDataDir();
    command(['generate', '--from', DATE, '--to', DATE, '--out', out], { dataDir: out, env: show.env });
    const file = readdirSync(out).find((name) => name.endsWith('.json.gz'));
    const folder = `customer02/ga_sessions/${DATE}`;
    const before = (await show.settled()).length;
    const put = await send(`${folder}/${file}`, readFileSync(join(out, file)));
    assert.equal(put.status, 201, await put.text());
    const end = await send(`${folder}/end_file.txt`, '');
    const { run } = await end.json();
    assert.equal(end.status, 201);
    await show.settled(before + 1);
    removeDataDir(out);
    const second = row(page, 'customer02');
    await second.getByText('1 ingested').waitFor({ timeout: 60_000 });
    assert.match(await second.innerText(), new RegExp(DATE));
    assert.equal(await row(page, 'customer01').innerText(), first, 'the first is as it was');
    await page.picture('customers-side-by-side');
    await page.goto(`/runs/${run}`);
    await page.getByText('customer02').first().waitFor();
    // The story's report is of its own customer.
    await close(page);
  });

  it('shows what the upload identity may not', async () => {
    const page = await open('/customers?customer=customer02');
    await page.getByRole('button', { name: 'Try what it may not' }).click();
    const security = page.getByRole('region', { name: 'Security' });
    await security.getByText('403 refused').first().waitFor();
    assert.equal(await security.getByText('200 allowed').count(), 2);
    assert.ok((await security.getByText('403 refused').count()) >= 12);
    await page.picture('customers-security');
    // The same by the network.
    for (const path of ['customer01/ga_sessions/2017-07-28/a.json', '%2e%2e/customer01/a/b/c', 'customer01%2Fa/b/c/d']) {
      assert.equal((await send(path, 'x')).status, 403, path);
    }
    for (const path of ['/lake', '/api/lake', '/upload/customer01/']) {
      const answer = await fetch(`${show.server.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(answer.status, 403, path);
    }
    await close(page);
  });

  it('rotates, revokes and disables', async () => {
    const page = await open('/customers?customer=customer02');
    await page.getByRole('button', { name: 'Rotate nightly export' }).click();
    const shown = page.getByRole('region', { name: 'New token' });
    await shown.waitFor();
    const old = token;
    token = (await shown.locator('pre').first().innerText()).trim();
    assert.notEqual(token, old);
    await page.getByText(/Replaced, works until/).waitFor();
    await page.getByRole('button', { name: 'Disable', exact: true }).click();
    await page.getByText('customer02 is disabled').waitFor();
    assert.equal((await send(`customer02/ga_sessions/${DATE}/b.json`, 'x')).status, 403);
    await page.getByRole('button', { name: 'Enable', exact: true }).click();
    await page.getByText('customer02 is disabled').waitFor({ state: 'detached' });
    await close(page);
  });

  it('lets a person upload without JavaScript', async () => {
    const page = await open('/upload', { javaScript: false });
    await page.getByLabel('Customer').selectOption('customer02');
    await page.getByLabel('Date').fill('2017-07-27');
    await page.getByRole('button', { name: 'Open the day' }).click();
    await page.getByText('No file yet.').waitFor();
    await page.getByLabel(/Files: NDJSON/).setInputFiles({ name: 'a.json', mimeType: 'application/json', buffer: Buffer.from('{}\n') });
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    await page.getByText('Waiting for end_file.txt').waitFor();
    await page.picture('upload-day');
    await page.getByRole('button', { name: 'Write end_file.txt' }).click();
    await page.getByText('the day is complete').waitFor();
    await show.settled();
    await close(page);
  });

  it('is readable for all, at every size', async () => {
    for (const [size, viewport] of [['phone', PHONE], ['projector', PROJECTOR]]) {
      for (const colorScheme of SCHEMES) {
        for (const [name, path] of [
          ['customers', '/customers?customer=customer02&try=1&delete=1'],
          ['upload', `/upload?customer=customer02&dataset=ga_sessions&date=${DATE}`],
        ]) {
          const page = await open(path, { viewport, colorScheme });
          await page.evaluate(() => document.querySelectorAll('details').forEach((more) => { more.open = true; }));
          await page.evaluate(AXE);
          const found = await page.evaluate(async () => {
            const { violations } = await globalThis.axe.run(document);
            return violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')}`));
          });
          assert.deepEqual(found, [], `${name} ${size} ${colorScheme}`);
          const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.ok(sideways <= 0, `${name} ${size}: ${sideways} px too wide`);
          await page.picture(`${name}-${size}-${colorScheme}`);
          await close(page);
        }
      }
    }
  });

  it('deletes the second customer with proof', async () => {
    const page = await open('/customers?customer=customer01');
    await page.getByText('is the customer of the story').waitFor();
    await page.goto('/customers?customer=customer02');
    await page.getByRole('button', { name: 'Delete customer02…' }).click();
    await page.getByRole('button', { name: /^Delete customer02 with \d+ items/ }).click();
    await page.getByText(/verified/).first().waitFor({ timeout: 60_000 });
    await page.picture('customers-certificate');
    await page.goto('/customers');
    const deleted = page.getByRole('region', { name: 'Deleted' });
    await deleted.getByRole('link').first().waitFor({ timeout: 30_000 });
    assert.match(await deleted.innerText(), /customer02/);
    assert.equal(await row(page, 'customer02').count(), 0);
    assert.equal(await row(page, 'customer01').count(), 1);
    assert.equal((await send(`customer02/ga_sessions/${DATE}/b.json`, 'x')).status, 401);
    await page.picture('customers-deleted');
    await close(page);
  });
});
