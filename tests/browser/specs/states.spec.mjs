// What a page says when there is nothing yet, when an answer is slow, when it is an error, and when the connection is lost; and that
// nothing moves while numbers change.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PHONE } from '../lib/browser.mjs';
import { fileName } from '../lib/routes.mjs';
import { until } from '../lib/server.mjs';
import { useShow } from '../lib/show.mjs';
import { ask } from '../lib/session.mjs';

const DOWN = [/ERR_CONNECTION_REFUSED/, /ERR_INCOMPLETE_CHUNKED_ENCODING/, /ERR_EMPTY_RESPONSE/, /ERR_CONNECTION_RESET/, /Failed to fetch/];

/** In the page: from here on, what the browser counts as a shift, and where everything stands. */
function watchPlaces() {
  globalThis.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      // A number that is aligned right grows to the left and stands where it stood.
      const grows = ({ node, previousRect: was, currentRect: is }) =>
        node?.nodeType === Node.TEXT_NODE && getComputedStyle(node.parentElement).textAlign === 'right' && Math.abs(was.right - is.right) < 1 && was.top === is.top;
      if (entry.sources.every(grows)) continue;
      const what = entry.sources.map(({ node }) => `${node?.nodeName} ${node?.className ?? ''} ${node?.textContent?.slice(0, 40)}`);
      globalThis.shifts.push(`${entry.value.toFixed(4)} ${what.join(' | ')}`);
    }
  }).observe({ type: 'layout-shift' });
  // The browser leaves out what it scrolls itself, and what is out of sight.
  globalThis.places = new Map();
  for (const element of document.querySelectorAll('body *:not(svg *, .clock-bar *, .btn *, .sr)')) {
    if (getComputedStyle(element).display !== 'inline') globalThis.places.set(element, element.getBoundingClientRect());
  }
}

/** In the page: the shifts, and which elements stand elsewhere now. Those that grow or shrink towards one side do not. */
function lookAtPlaces() {
  const moved = [];
  for (const [element, was] of globalThis.places) {
    const is = element.getBoundingClientRect();
    if (!element.isConnected || was.width * was.height * is.width * is.height === 0) continue;
    const [top, left, right] = [is.top - was.top, is.left - was.left, is.right - was.right].map(Math.round);
    if (top || (left && right)) moved.push(`${element.nodeName} ${element.className?.baseVal ?? element.className} '${element.textContent.slice(0, 30)}' ${left}, ${top}`);
  }
  return { shifts: globalThis.shifts, moved };
}

describe('a button that cannot be pressed', () => {
  const show = useShow({ seeded: false });

  it('looks so under the pointer as well', async () => {
    const page = await show.open('/?step=2.2');
    const button = page.getByRole('main').getByRole('button', { name: 'Write end_file.txt', exact: true });
    assert.equal(await button.getAttribute('aria-disabled'), 'true');
    const colours = () => button.evaluate((element) => [getComputedStyle(element).backgroundColor, getComputedStyle(element).color]);
    const before = await colours();
    await button.hover({ force: true });
    assert.deepEqual(await colours(), before);
    await show.close(page);
  });
});

describe('an empty data folder', () => {
  const show = useShow({ seeded: false });

  it('says on each page what would be there, and leads to what makes it appear', async () => {
    const page = await show.browser.newPage({ origin: show.server.url });
    for (const [path, words] of Object.entries({
      '/runs': /No runs yet\./,
      '/report': /No data in the report yet\./,
      '/sql': /No query has run on this page yet\./,
      '/lake/bronze.ga_sessions': /The table is empty\./,
    })) {
      await show.go(page, path);
      const main = page.getByRole('main');
      assert.match(await main.innerText(), words, path);
      assert.ok((await main.locator('.empty a.btn').count()) > 0, `${path} leads nowhere`);
      await page.picture(`state-empty${path.replace(/\W+/g, '-')}`);
    }
    await show.go(page, '/');
    assert.match(await page.getByRole('main').locator('.tell').innerText(), /–/);
    await page.getByRole('button', { name: 'Seed the history', exact: true }).waitFor();
    await show.close(page);
  });
});

describe('the states of a page', () => {
  const show = useShow({ ran: true });
  /** Pages that the browser renders, with what they ask for, and pages that the server draws. */
  const followed = [
    ['Runs', '/runs', '**/runs*'],
    ['Report', '/report', '**/report*'],
    ['Lake', '/lake', '**/lake*'],
    ['SQL', '/sql', '**/sql*'],
  ];

  it('says that it loads when an answer is slow, and shows it when it comes', async () => {
    const page = await show.open('/runs');
    for (const [name, path, pattern] of [...followed.slice(1), ['Show', '/', '**/api/show*'], ['Reset…', '/reset', '**/api/reset*']]) {
      let release;
      const held = new Promise((resolve) => (release = resolve));
      await page.route(pattern, async (route) => {
        await held;
        await route.continue();
      });
      await page.getByRole('banner').getByRole('link', { name, exact: true }).click();
      await page.getByRole('status').filter({ hasText: 'Loading' }).waitFor();
      await page.picture(`state-loading${path.replace(/\W+/g, '-')}`);
      release();
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.getByRole('status').filter({ hasText: 'Loading' }).waitFor({ state: 'detached' });
      await page.unroute(pattern);
    }
    await show.close(page);
  });

  it('arrives at every page, however many were shown before, and loads none of them anew', async () => {
    const page = await show.open('/runs');
    await page.evaluate(() => (globalThis.same = true));
    const bar = page.getByRole('banner');
    const main = page.getByRole('main');
    const link = (within, name) => within.getByRole('link', { name, exact: true });
    // Several that the server draws, each in the place of the other, then several that the browser renders.
    for (const [from, name, title] of [
      [bar, 'Report', /^Report · /],
      [bar, 'Lake', /^Lake · /],
      [bar, 'SQL', /^SQL · /],
      [bar, 'Show', / · /],
      [bar, 'Reset…', /^Reset · /],
      [main, 'Back to the show', / · /],
      [bar, 'Runs', /^Runs · /],
      [main, 'Ingest 2017-07-29', /^Ingest 2017-07-29 · /],
      [main, 'All calls, step by step', /^Calls of Ingest 2017-07-29 · /],
      [bar, 'Reset…', /^Reset · /],
      [bar, 'SQL', /^SQL · /],
    ]) {
      await link(from, name).first().click();
      await page.waitForFunction((title) => new RegExp(title).test(document.title), title.source);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.locator('main[aria-busy]').waitFor({ state: 'detached' });
      assert.ok(await page.evaluate(() => globalThis.same), `${name} was loaded anew`);
    }
    await show.close(page);
  });

  it('shows an error where the page would be, once, with the number that finds it in the log', async () => {
    const page = await show.open('/runs', { expected: [/503/] });
    const error = { code: 'unavailable', message: 'The control database is locked.', field: null, request_id: 'r000042' };
    await page.route('**/api/show*', (route) => route.fulfill({ status: 503, json: error }));
    await page.getByRole('banner').getByRole('link', { name: 'Show', exact: true }).click();
    const alert = page.getByRole('main').getByRole('alert');
    await alert.getByText('The control database is locked.').waitFor();
    assert.equal(await page.getByText('The control database is locked.').count(), 1);
    assert.match(await alert.innerText(), /r000042/);
    await page.picture('state-error');
    await page.unroute('**/api/show*');
    await page.getByRole('link', { name: 'Try again' }).click();
    await page.getByRole('main').locator('.act').waitFor();
    await show.close(page);
  });

  it('draws what the server says of what is not there, and of what it cannot do', async () => {
    const page = await show.open('/lake', { expected: [/404/] });
    await page.evaluate(() => {
      const link = Object.assign(document.createElement('a'), { href: '/lake/bronze.nothing', textContent: 'nothing' });
      document.querySelector('main').append(link);
    });
    await page.getByRole('link', { name: 'nothing', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'This page could not be read' }).waitFor();
    assert.match(await page.title(), /Problem · Showrunner/);
    await show.close(page);
  });

  it('keeps the values when the connection is lost, says from when they are, and goes on by itself', async () => {
    const pages = [];
    for (const path of ['/?step=2.2', '/report', '/runs']) pages.push(await show.open(path, { expected: DOWN }));
    const before = [];
    for (const page of pages) {
      await page.getByRole('banner').getByText('Live', { exact: true }).waitFor();
      before.push(await page.getByRole('main').innerText());
    }
    await show.server.kill();
    for (const [index, page] of pages.entries()) {
      await page.getByRole('banner').getByText(/^Reconnecting, values from \d\d:\d\d:\d\d$/).waitFor();
      assert.equal(await page.getByRole('main').innerText(), before[index], page.url());
      // The longer words push nothing out of the bar.
      const box = await page.getByRole('banner').getByRole('link', { name: 'Reset…' }).boundingBox();
      assert.ok(box.x + box.width <= page.viewportSize().width, `Reset ends at ${box.x + box.width}`);
      await page.picture(`state-lost-${index}`);
    }
    // To a page that is not here yet, nobody answers.
    await pages[2].getByRole('banner').getByRole('link', { name: 'Lake', exact: true }).click();
    await pages[2].getByText('The server did not answer.').waitFor();
    await show.start();
    for (const page of pages) await page.getByRole('banner').getByText('Live', { exact: true }).waitFor({ timeout: 40_000 });
    await pages[2].getByRole('heading', { level: 1, name: 'Lake' }).waitFor();
    await pages[2].getByRole('banner').getByRole('link', { name: 'Runs', exact: true }).click();
    await pages[2].getByRole('heading', { level: 1, name: 'Runs' }).waitFor();
    for (const page of pages) await page.context().close();
  });

  for (const [size, viewport] of Object.entries({ projector: undefined, phone: PHONE })) {
    it(`moves nothing while numbers change, on a ${size}`, async () => {
      const run = (await show.settled())[0].id;
      const pages = [];
      for (const path of ['/?step=2.2', '/runs', `/runs/${run}`, '/report', '/lake']) pages.push(await show.open(path, { viewport }));
      const count = (await show.settled()).length;
      const day = 'customer01/ga_sessions/2017-07-29';
      const answer = await ask(`${show.server.url}/api/reingest`, {
        method: 'POST',
        body: new URLSearchParams({ day }),
        headers: { accept: 'application/json', origin: show.server.url },
      });
      assert.ok(answer.ok, await answer.text());
      const started = await until('the run is there', async () => {
        const runs = await (await ask(`${show.server.url}/api/runs`)).json();
        return runs.length > count && runs[0].state === 'running' && runs[0].id;
      });
      pages.push(await show.open(`/runs/${started}`, { viewport }));
      // A line or a strip that comes is news; from here on only numbers and words change.
      await pages[0].getByRole('main').getByText(/^Running for/).waitFor();
      await pages[1].locator(`a[href="/runs/${started}"]`).waitFor();
      for (const page of pages) await page.evaluate(watchPlaces);
      await show.settled(count + 1);
      const faults = [];
      for (const page of pages) {
        await page.waitForTimeout(500);
        const { shifts, moved } = await page.evaluate(lookAtPlaces);
        const sum = shifts.reduce((sum, shift) => sum + Number.parseFloat(shift), 0);
        if (sum >= 0.001) faults.push(`${page.url()} shifts by ${sum.toFixed(4)}: ${shifts.join('\n  ')}`);
        if (moved.length > 0) faults.push(`${page.url()} moves: ${moved.slice(0, 9).join('\n  ')}`);
        if (/\/(\?.*)?$|run-/.test(page.url())) await page.picture(`state-ended-${size}-${fileName(new URL(page.url()).pathname)}`);
        await show.close(page);
      }
      assert.deepEqual(faults, []);
    });
  }
});
