// The whole story as a presenter clicks it, with JavaScript: seed, look, upload, marker, look, reset. Nothing is reloaded by hand.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchBrowser, PHONE } from '../lib/browser.mjs';
import { startServer } from '../lib/server.mjs';
import { smallShow } from '../lib/story.mjs';

describe('the story with JavaScript', () => {
  let server;
  let browser;
  let page;
  before(async () => {
    server = await startServer({ env: smallShow() });
    browser = await launchBrowser();
    page = await browser.newPage({ origin: server.url, role: 'presenter' });
    await page.goto('/');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
  });
  after(async () => {
    page?.assertClean();
    await browser?.close();
    await server?.stop();
  });

  const primary = (name) => page.getByRole('main').getByRole('button', { name, exact: true });
  const heading = (name) => page.getByRole('heading', { level: 1, name });
  const next = (name) => page.getByRole('main').getByRole('link', { name: `Next: ${name}` });
  const shown = (locator, timeout = 90_000) => locator.first().waitFor({ timeout });

  it('is live, and shows what is next', async () => {
    await shown(page.getByText('Live', { exact: true }));
    await shown(heading('Seed the history'));
    await page.picture('story-1-empty');
  });

  it('seeds the history', async () => {
    await primary('Seed the history').click();
    await shown(page.getByRole('progressbar'));
    // What the head says goes on with the progress below it.
    await page.waitForFunction(() => {
      const facts = [...document.querySelectorAll('.progress-facts > div')];
      const elapsed = facts.find((fact) => fact.firstChild.textContent === 'Elapsed').lastChild.textContent.trim();
      return Number.parseFloat(elapsed) > 2 && document.querySelector('.step-head .state').textContent.trim() === `Running for ${elapsed}`;
    });
    await shown(next('See where the data is'));
    await shown(page.getByText(/^[1-9][\d,]* sessions$/));
    await page.picture('story-2-seeded');
  });

  it('counts a look as done and comes to the page', async () => {
    await next('See where the data is').click();
    await primary('Open the lake').click();
    await shown(page.getByRole('heading', { level: 1, name: 'Lake' }));
    await page.picture('story-3-lake');
    await page.getByRole('link', { name: 'Show', exact: true }).click();
    await shown(heading('The report as of yesterday'));
    await primary('Open the report').click();
    await shown(page.getByRole('heading', { level: 1, name: 'Report' }));
    await page.picture('story-4-report');
  });

  it('uploads, and waits for the marker', async () => {
    await page.goto('/');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    await shown(heading('Upload 2017-07-29'));
    await primary('Upload as customer01').click();
    await shown(page.getByText(/Waiting for end_file\.txt \(1 file, /));
    await page.picture('story-5-waiting');
  });

  it('starts exactly one run by the marker, and shows what came out', async () => {
    await next('Write end_file.txt').click();
    await shown(heading('Write end_file.txt'));
    await primary('Write end_file.txt').click();
    await shown(next('Find the day in each zone'));
    await shown(page.getByRole('rowheader', { name: 'Bronze' }).or(page.getByRole('cell', { name: 'Bronze' })));
    await page.picture('story-6-ingested');
    await primary('Write end_file.txt again').click();
    await shown(page.getByText(/duplicate, ignored/));
    await page.goto('/runs');
    assert.equal(await page.getByRole('link', { name: /Ingest 2017-07-29/ }).count(), 1);
    await page.picture('story-7-runs');
    await page.getByRole('link', { name: /Ingest 2017-07-29/ }).click();
    await shown(page.getByRole('heading', { level: 1, name: 'Ingest 2017-07-29' }));
    await page.picture('story-8-run');
  });

  it('has the day in the report', async () => {
    await page.goto('/report');
    await shown(page.getByText(/to 29 Jul 2017/));
    await page.picture('story-9-report');
  });

  it('follows a run in another tab without a reload', async () => {
    const other = await browser.newPage({ origin: server.url, viewport: PHONE, colorScheme: 'dark' });
    await other.goto('/?step=2.2');
    await other.waitForSelector('html[data-hydrated]', { state: 'attached' });
    await other.getByText('Live', { exact: true }).first().waitFor({ state: 'attached' });
    await page.goto('/?step=2.2');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    await primary('Ingest the day again').click();
    await shown(page.getByRole('heading', { level: 1, name: 'Re-ingest 2017-07-29' }));
    await other.getByText(/Re-ingest|Running for/).first().waitFor({ timeout: 60_000 }).catch(() => {});
    await page.goto('/runs');
    await shown(page.getByRole('link', { name: /Re-ingest 2017-07-29/ }));
    await other.getByRole('link', { name: 'Next: Find the day in each zone' }).waitFor({ timeout: 60_000 });
    await other.picture('story-10-phone-dark');
    other.assertClean();
    await other.context().close();
  });

  it('puts it back, with proof, and a second press finds nothing', async () => {
    await page.goto('/reset?scope=step:2.1');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    await page.picture('story-11-dry-run');
    await page.getByRole('button', { name: /^Delete \d+ items?$/ }).click();
    await shown(page.getByText('Reset verified'));
    await page.picture('story-12-certificate');
    await page.goto('/reset?scope=step:2.1');
    await shown(page.getByText(/there is nothing to delete/));
    await page.goto('/');
    await shown(heading('Upload 2017-07-29'));
  });
});
