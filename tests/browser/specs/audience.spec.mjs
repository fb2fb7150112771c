// Two screens: the presenter presses, the audience follows; freeze, blank, and a server that goes away and comes back.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchBrowser, PHONE, PROJECTOR } from '../lib/browser.mjs';
import { newDataDir, removeDataDir, startServer, until } from '../lib/server.mjs';
import { smallShow } from '../lib/story.mjs';

const UHD = { width: 3840, height: 2160 };
const SECOND = { limitMs: 1_000 };

describe('the audience screen', () => {
  const dataDir = newDataDir();
  const env = smallShow('2017-07-22');
  let server;
  let browser;
  let presenter;
  let audience;
  before(async () => {
    server = await startServer({ dataDir, env });
    browser = await launchBrowser();
    presenter = await browser.newPage({ origin: server.url });
    // The server is taken away on purpose.
    audience = await browser.newPage({ origin: server.url, expected: [/ERR_CONNECTION|ERR_EMPTY|ERR_INCOMPLETE|Failed to fetch|request failed/] });
  });
  after(async () => {
    presenter?.assertClean();
    audience?.assertClean();
    await browser?.close();
    await server?.stop();
    removeDataDir(dataDir);
  });

  const hydrated = (page) => page.waitForSelector('html[data-hydrated]', { state: 'attached' });
  const title = () => audience.getByRole('heading', { level: 1 }).innerText();
  const titled = (text, options) => until(`the audience reads '${text}'`, async () => (await title()) === text, options);
  const number = (label) => audience.locator('.huge div', { has: audience.locator(`dt:text-is("${label}")`) }).locator('dd').innerText();
  const primary = () => presenter.getByRole('main').locator('.btn.primary');
  const heading = (name) => presenter.getByRole('heading', { level: 1, name }).waitFor({ timeout: 60_000 });

  it('shows the first step, and nothing to press', async () => {
    await audience.goto('/audience');
    await hydrated(audience);
    await presenter.goto('/');
    await hydrated(presenter);
    await titled('Two months of a web shop');
    assert.equal(await audience.getByRole('button').count(), 0);
    assert.equal(await audience.getByRole('navigation').count(), 0);
    assert.equal(await number('Sessions in the lake'), '–');
  });

  it('moves with the run that the presenter starts', async () => {
    await primary().click();
    await audience.waitForFunction(() => /--at:[1-9]/.test(document.querySelector('.run-bar')?.getAttribute('style') ?? ''), null, { polling: 'raf', timeout: 60_000 });
    await presenter.getByRole('link', { name: 'Next: See where the data is' }).waitFor({ timeout: 90_000 });
    await titled('Two months are in the lake');
    await until('its number moves', async () => /^[1-9][\d,]*$/.test(await number('Sessions in the lake')), SECOND);
    // The step that is talked about, without a reload on either side.
    const html = await audience.content();
    assert.doesNotMatch(html, /run-0|customer01|presenter/);
  });

  it('follows the presenter within a second, by link, by key and by a look', async () => {
    await presenter.getByRole('link', { name: 'Next: See where the data is' }).click();
    await titled('Where the data is', SECOND);
    await primary().click();
    await presenter.getByRole('heading', { level: 1, name: 'Lake' }).waitFor();
    assert.equal(await title(), 'Where the data is', 'while the presenter is at the lake');
    await presenter.getByRole('link', { name: 'Show', exact: true }).click();
    await heading('The report as of yesterday');
    await titled('The report as of yesterday', SECOND);
    await presenter.keyboard.press('n');
    await titled('Waiting for 29 Jul', SECOND);
  });

  it('shows the day arrive', async () => {
    const before = await number('Sessions in the lake');
    const columns = await audience.locator('.bar-2').getAttribute('d');
    await primary().click();
    await presenter.getByRole('link', { name: 'Next: Write end_file.txt' }).waitFor({ timeout: 60_000 });
    await titled('29 Jul is delivered');
    await audience.getByText('Waiting for end_file.txt').waitFor();
    await presenter.getByRole('link', { name: 'Next: Write end_file.txt' }).click();
    await heading('Write end_file.txt');
    await primary().click();
    await titled('29 Jul has arrived', { limitMs: 60_000 });
    await audience.getByText('In every zone').waitFor();
    await until('the lake has more', async () => (await number('Sessions in the lake')) !== before);
    assert.match(await number('New sessions'), /^[1-9]\d*$/);
    assert.match(await number('Seconds, file to chart'), /^\d/);
    await audience.getByText(/^29 Jul · [1-9]\d*$/).waitFor();
    assert.notEqual(await audience.locator('.bar-1').getAttribute('d'), '');
    assert.equal(await audience.locator('.bar-2').getAttribute('d'), columns, 'the day that arrives moves no other');
  });

  it('freezes by key, stays frozen for a second screen, and follows again', async () => {
    await presenter.keyboard.press('f');
    await presenter.getByText(/^Frozen at /).waitFor();
    await presenter.keyboard.press('ArrowRight');
    await heading('Find the day in each zone');
    await until('the presenter went on', async () => (await presenter.getByRole('button', { name: 'Freeze' }).getAttribute('aria-pressed')) === 'true');
    const second = await browser.newPage({ origin: server.url });
    await second.goto('/audience');
    assert.equal(await second.getByRole('heading', { level: 1 }).innerText(), '29 Jul has arrived');
    assert.doesNotMatch(await second.content(), /[Ff]rozen/);
    await second.context().close();
    assert.equal(await title(), '29 Jul has arrived');
    await presenter.keyboard.press('f');
    await titled('29 Jul, zone by zone', SECOND);
  });

  it('goes blank by key, and comes back', async () => {
    await presenter.keyboard.press('b');
    await titled('Showrunner', SECOND);
    assert.equal(await audience.locator('.huge').count(), 0);
    await audience.picture('audience-blank');
    await presenter.getByText('The screen is blank.').waitFor();
    await presenter.keyboard.press('.');
    await titled('29 Jul, zone by zone', SECOND);
  });

  it('keeps its values while the server is away, and comes back by itself', async () => {
    const value = await number('Sessions in the lake');
    // The presenter's page is closed, so that only the audience meets the outage.
    presenter.assertClean();
    await presenter.context().close();
    presenter = undefined;
    const addr = new URL(server.url).host;
    await server.kill();
    await audience.getByText(/^Values from \d\d:\d\d:\d\d$/).waitFor({ timeout: 10_000 });
    assert.equal(await number('Sessions in the lake'), value);
    await audience.picture('audience-lost');
    server = await startServer({ dataDir, env, addr });
    await audience.getByText(/^Values from/).waitFor({ state: 'detached', timeout: 20_000 });
    await audience.getByText('In every zone').waitFor();
    // And it follows the new server.
    const answer = await audience.request.post('/api/open_step', { form: { step: '3.2' }, headers: { origin: server.url } });
    assert.equal(answer.status(), 200);
    await titled('Mobile checkout, United Kingdom', SECOND);
  });

  it('follows without JavaScript', async () => {
    const plain = await browser.newPage({ origin: server.url, javaScript: false });
    await plain.goto('/audience');
    assert.equal(await plain.getByRole('heading', { level: 1 }).innerText(), 'Mobile checkout, United Kingdom');
    await plain.request.post('/api/open_step', { form: { step: '2.2' }, headers: { origin: server.url } });
    await until('it loads itself again', async () => (await plain.getByRole('heading', { level: 1 }).innerText().catch(() => '')) === '29 Jul has arrived');
    plain.assertClean();
    await plain.context().close();
  });

  for (const [size, viewport] of [['projector', PROJECTOR], ['uhd', UHD], ['phone', PHONE]]) {
    for (const colorScheme of ['light', 'dark']) {
      it(`is legible on a ${size}, ${colorScheme}`, async () => {
        const page = await browser.newPage({ origin: server.url, viewport, colorScheme });
        for (const step of ['2.2', '3.2']) {
          await page.request.post('/api/open_step', { form: { step }, headers: { origin: server.url } });
          await page.goto('/audience');
          await hydrated(page);
          const found = await page.evaluate(() => {
            const root = document.documentElement;
            const size = (selector) => Math.min(...[...document.querySelectorAll(selector)].map((e) => parseFloat(getComputedStyle(e).fontSize)));
            const cut = [...document.querySelectorAll('.audience :is(h1, dt, dd, .zone-name, .zone-count, .zone-delta)')]
              .filter((e) => e.scrollWidth > e.clientWidth + 1)
              .map((e) => e.textContent);
            return {
              sideways: root.scrollWidth - root.clientWidth,
              down: root.scrollHeight - root.clientHeight,
              words: size('.audience :is(.state, dt, .zone-name, .zone-delta, .chart-x span, .chart-y span)'),
              numbers: size('.huge dd'),
              cut,
            };
          });
          assert.ok(found.sideways <= 0, JSON.stringify(found));
          assert.deepEqual(found.cut, [], `${size}: words are cut off`);
          if (size !== 'phone') {
            assert.ok(found.down <= 0, `${size}: nobody scrolls this screen ${JSON.stringify(found)}`);
            // A hundredth of the width is about 15 mm on a wall of 1.5 m: read from five metres.
            assert.ok(found.words >= viewport.width * 0.015, JSON.stringify(found));
            assert.ok(found.numbers >= viewport.width * 0.05, JSON.stringify(found));
          }
          await page.picture(`audience-${step}-${size}-${colorScheme}`);
        }
        page.assertClean();
        await page.context().close();
      });
    }
  }
});
