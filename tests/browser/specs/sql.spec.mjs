// The SQL page: a query in the address, its answer, comparing, an error with its place, a download, cancelling.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PHONE } from '../lib/browser.mjs';
import { useShow } from '../lib/show.mjs';

const HEAVY = 'SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a.value <> b.value';

describe('the SQL page', () => {
  const show = useShow();
  const { open, close } = show;
  const run = (page) => page.getByRole('button', { name: 'Run', exact: true }).click();
  const write = (page, text) => page.getByLabel('Query', { exact: true }).fill(text);
  const main = (page) => page.getByRole('main').innerText();

  for (const javaScript of [true, false]) {
    it(`runs a query that stays in the address, ${javaScript ? 'with' : 'without'} JavaScript`, async () => {
      const page = await open('/sql', { javaScript });
      await write(page, "SELECT '%ab%' AS text, 1+1 AS number, NULL AS nothing");
      await run(page);
      await page.getByRole('cell', { name: '%ab%' }).waitFor();
      await page.getByRole('cell', { name: 'NULL' }).waitFor();
      assert.match(page.url(), /\/sql\?q=SELECT/);
      await page.goto(page.url());
      await page.getByRole('cell', { name: '%ab%' }).waitFor();
      await close(page);
    });
  }

  it('shows both queries side by side, and what partitions save', async () => {
    const page = await open('/sql');
    await page.getByRole('link', { name: /^One day instead of all/ }).click();
    const numbers = page.getByRole('group', { name: 'Both queries side by side' });
    await numbers.waitFor();
    assert.match(await numbers.innerText(), /Partitions read\s+1 of \d+/);
    await page.picture('sql-compare');
    await close(page);
  });

  it('every saved query has an answer', async () => {
    const page = await open('/sql');
    const links = await page.locator('.saved a').evaluateAll((all) => all.map((a) => a.getAttribute('href')));
    assert.ok(links.length >= 4);
    for (const href of links) {
      await page.goto(href);
      await page.getByRole('group', { name: 'Result' }).first().waitFor();
      assert.equal(await page.locator('.note.bad').count(), 0, href);
    }
    await close(page);
  });

  it('marks the place of an error and keeps what was written', async () => {
    const page = await open('/sql');
    await write(page, 'SELECT date,\n  contry\nFROM silver.sessions');
    await run(page);
    await page.getByText('Line 2, column 3.').waitFor();
    assert.match(await page.getByRole('region', { name: 'The place in the query' }).innerText(), /contry\n\s+│\s+\^/);
    assert.match(await page.getByLabel('Query', { exact: true }).inputValue(), /contry/);
    await close(page);
  });

  it('offers the whole result as CSV', async () => {
    const page = await open('/sql?q=SELECT+date,sessions+FROM+gold.daily_kpis');
    const href = await page.getByRole('link', { name: 'Download as CSV' }).getAttribute('href');
    const answer = await page.request.get(href);
    assert.match(answer.headers()['content-disposition'], /attachment/);
    assert.match(await answer.text(), /^date,sessions\r\n2017-07-27,\d+\r\n/);
    await close(page);
  });

  it('cancels a heavy query, while other pages are answered', async () => {
    const page = await open('/sql');
    await write(page, HEAVY);
    await run(page);
    await page.getByText('The query is running.').waitFor();
    const other = await open('/lake', { viewport: PHONE });
    await other.getByRole('heading', { level: 1, name: 'Lake' }).waitFor();
    await close(other);
    await page.picture('sql-running');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('The query was cancelled.').waitFor();
    assert.doesNotMatch(await main(page), /is running/);
    await close(page);
  });

  it('is on the screen before its query has run, and says so; what was found takes the place of the words', async () => {
    const page = await open('/sql', { javaScript: false });
    await page.goto(`/sql?${new URLSearchParams({ q: HEAVY })}`, { waitUntil: 'commit' });
    await page.getByText('The query is running. To cancel it, stop loading the page.').waitFor();
    assert.match(await page.getByLabel('Query', { exact: true }).inputValue(), /generate_series/);
    // Another page in the same tab: the browser closes the connection, and the query stops.
    await page.goto('/sql?q=SELECT+42+AS+answer');
    await page.getByRole('cell', { name: '42' }).waitFor();
    assert.doesNotMatch(await main(page), /is running/);
    await close(page);
  });

  it('fits a phone', async () => {
    const page = await open('/sql?saved=1', { viewport: PHONE, colorScheme: 'dark' });
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(sideways <= 0, `scrolls sideways by ${sideways} px`);
    await page.picture('sql-phone-dark');
    await close(page);
  });
});
