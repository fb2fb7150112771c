// The lake browser: every click and form leads on, with JavaScript and without; what is looked for is found.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PHONE } from '../lib/browser.mjs';
import { useShow } from '../lib/show.mjs';

describe('the lake browser', () => {
  const show = useShow({ from: '2017-06-29' });

  for (const javaScript of [true, false]) {
    it(`leads from the zones to a value in a row, with JavaScript ${javaScript ? 'on' : 'off'}`, async () => {
      const page = await show.browser.newPage({ origin: show.server.url, javaScript });
      const main = page.getByRole('main');
      await page.goto('/lake');
      if (javaScript) await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
      await main.getByRole('link', { name: 'bronze.ga_sessions', exact: true }).click();
      await page.getByRole('heading', { level: 1, name: 'bronze.ga_sessions' }).waitFor();
      await main.getByRole('link', { name: '2017-07-01' }).click();
      await main.getByRole('link', { name: /^part-/ }).click();
      await main.getByRole('link', { name: '1', exact: true }).click();
      await main.locator('summary', { hasText: /^hits/ }).first().click();
      await main.getByRole('link', { name: 'Unfold' }).first().waitFor();
      assert.match(page.url(), /row=1/);
      await page.goto(`${new URL(page.url()).pathname}${new URL(page.url()).search}&at=hits.0.page.pagePath`);
      assert.match(await main.innerText(), /pagePath/);
      page.assertClean();
      await page.context().close();
    });

    it(`finds a nested field and the change of July, with JavaScript ${javaScript ? 'on' : 'off'}`, async () => {
      const page = await show.browser.newPage({ origin: show.server.url, javaScript });
      const main = page.getByRole('main');
      await page.goto('/lake/bronze.ga_sessions?tab=schema');
      await main.getByRole('searchbox').fill('hits.page.pagePath');
      await main.getByRole('button', { name: 'Find' }).click();
      await page.waitForURL(/find=hits\.page\.pagePath/);
      await main.getByText('hits.page.pagePath', { exact: true }).waitFor();
      await page.goto('/lake/bronze.ga_sessions?tab=schema&since=2017-07-01');
      await main.getByRole('rowheader', { name: 'clientId' }).waitFor();
      page.assertClean();
      await page.context().close();
    });
  }

  it('says which run made a version, and what a folder waits for', async () => {
    const page = await show.browser.newPage({ origin: show.server.url, viewport: PHONE, colorScheme: 'dark' });
    const main = page.getByRole('main');
    await page.goto('/lake/bronze.ga_sessions?tab=history');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    await main.getByText('Created the table, with its schema').waitFor();
    await main.getByRole('link', { name: /^run-/ }).first().click();
    await page.waitForURL(/\/runs\/run-/);
    await page.goto('/?step=2.1');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    await main.getByRole('button', { name: 'Upload as customer01' }).click();
    await main.getByText(/Waiting for end_file\.txt \(1 file/).first().waitFor();
    await page.goto('/lake');
    await main.getByText(/Waiting for end_file\.txt \(1 file/).first().waitFor();
    await main.getByRole('link', { name: /2017-07-29/ }).first().click();
    await main.getByText(/Waiting for end_file\.txt \(1 file/).first().waitFor();
    await page.picture('lake-waiting');
    page.assertClean();
    await page.context().close();
  });
});
