// The presenter's tools: clock, skipping, keys; with JavaScript and without.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchBrowser, PHONE } from '../lib/browser.mjs';
import { startServer, until } from '../lib/server.mjs';
import { smallShow } from '../lib/story.mjs';

const seconds = (text) => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);

describe('presenting with JavaScript', () => {
  let server;
  let browser;
  let page;
  before(async () => {
    server = await startServer({ env: smallShow('2017-07-27') });
    browser = await launchBrowser();
    page = await browser.newPage({ origin: server.url });
    await page.goto('/');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
  });
  after(async () => {
    page?.assertClean();
    await browser?.close();
    await server?.stop();
  });

  const clock = () => page.getByRole('region', { name: 'Story clock' });
  const used = () => clock().locator('summary .num').innerText();
  const heading = (name) => page.getByRole('heading', { level: 1, name }).waitFor();

  it('starts, ticks without a jump, pauses, and begins again', async () => {
    assert.equal(await used(), '–');
    await clock().locator('summary').click();
    await page.picture('clock-before');
    await clock().getByRole('button', { name: 'Start the clock' }).click();
    await clock().getByRole('button', { name: 'Pause' }).waitFor();
    let last = 0;
    const seen = new Set();
    const until3 = Date.now() + 3_500;
    while (Date.now() < until3) {
      const now = seconds(await used());
      assert.ok(now >= last && now <= last + 1, `${last} then ${now}`);
      last = now;
      seen.add(now);
      await page.waitForTimeout(60);
    }
    assert.ok(seen.size >= 3, `it ticked ${[...seen]}`);
    await page.picture('clock-open');
    await clock().getByRole('button', { name: 'Pause' }).click();
    await clock().getByRole('button', { name: 'Go on' }).waitFor();
    const stands = await used();
    await page.waitForTimeout(1_500);
    assert.equal(await used(), stands);
    await page.reload();
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    assert.equal(await used(), stands, 'it is kept on the server');
    await clock().locator('summary').click();
    await clock().getByRole('button', { name: 'Back to 0:00' }).click();
    await until('the clock is at the beginning', async () => (await used()) === '–');
    await clock().locator('summary').click();
  });

  it('goes through the story by keys', async () => {
    for (const [key, title] of [
      ['n', 'See where the data is'],
      ['ArrowRight', 'The report as of yesterday'],
      ['PageDown', 'Upload 2017-07-29'],
      ['p', 'The report as of yesterday'],
      ['PageUp', 'See where the data is'],
      ['ArrowLeft', 'Seed the history'],
    ]) {
      await page.keyboard.press(key);
      await heading(title);
    }
  });

  it('leaves keys alone with a modifier, in a field, and when they are switched off', async () => {
    for (const key of ['Control+n', 'Alt+ArrowRight', 'Meta+g', 'Shift+N']) {
      if (key !== 'Control+n') await page.keyboard.press(key);
      else await page.evaluate(() => document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'n', ctrlKey: true, bubbles: true, cancelable: true })));
    }
    await page.evaluate(() => {
      const field = document.body.appendChild(Object.assign(document.createElement('textarea'), { id: 'typed' }));
      field.focus();
    });
    await page.keyboard.type('ngbf.?');
    assert.equal(await page.locator('#typed').inputValue(), 'ngbf.?');
    await page.evaluate(() => document.getElementById('typed').remove());
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys' });
    await help.waitFor();
    await page.picture('keys');
    await help.getByRole('button', { name: 'Keys are on' }).click();
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'hidden' });
    await page.keyboard.press('n');
    await page.waitForTimeout(300);
    await heading('Seed the history');
    // The help still opens, to switch them on.
    await page.keyboard.press('?');
    await help.getByRole('button', { name: 'Keys are off' }).click();
    await page.keyboard.press('Escape');
    await page.keyboard.press('n');
    await heading('See where the data is');
    await page.keyboard.press('p');
    await heading('Seed the history');
  });

  it('presses the button by key, and the clock runs from the first press', async () => {
    await page.keyboard.press('g');
    await page.getByRole('link', { name: 'Next: See where the data is' }).waitFor({ timeout: 90_000 });
    await until('the clock runs', async () => seconds(await used()) > 0);
    await page.picture('clock-running');
  });

  it('says what skipping means, skips, and takes up again', async () => {
    await page.goto('/?step=2.1');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    await page.getByText('Skip…').click();
    await page.getByText(/steps 2\.2 to 2\.4 are left out too\. It saves 6:00/).waitFor();
    await page.picture('skip');
    await page.getByRole('button', { name: 'Skip this step' }).click();
    await heading('The total hides it');
    const story = page.getByRole('navigation', { name: 'Story' });
    assert.equal(await story.getByRole('img', { name: 'skipped' }).count(), 4);
    await page.keyboard.press('p');
    await heading('The report as of yesterday');
    await page.goto('/?step=2.3');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    await page.getByText(/Left out, since 2\.1 Upload 2017-07-29 was skipped/).first().waitFor();
    await page.picture('skipped');
    await page.getByRole('button', { name: 'Take it up again' }).click();
    await until('nothing is skipped', async () => (await story.getByRole('img', { name: 'skipped' }).count()) === 0);
  });

  it('lets a step happen without a word', async () => {
    await page.goto('/?step=2.1');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    await page.getByText('Skip…').click();
    await page.getByRole('button', { name: 'Upload as customer01, and go on' }).click();
    await heading('Write end_file.txt');
    await page.getByRole('navigation', { name: 'Story' }).getByRole('link', { name: /Upload 2017-07-29/ }).getByRole('img', { name: 'done' }).waitFor({ timeout: 60_000 });
    await page.getByRole('main').getByRole('button', { name: 'Write end_file.txt', exact: true }).waitFor();
  });
});

describe('presenting without JavaScript', () => {
  let server;
  let browser;
  let page;
  before(async () => {
    server = await startServer({ env: smallShow('2017-07-27') });
    browser = await launchBrowser();
    page = await browser.newPage({ origin: server.url, javaScript: false, viewport: PHONE });
  });
  after(async () => {
    page?.assertClean();
    await browser?.close();
    await server?.stop();
  });

  const clock = () => page.getByRole('region', { name: 'Story clock' });
  const audience = async () => (await (await page.request.get('/api/audience')).json()).screen?.title ?? 'blank';

  it('starts and pauses the clock', async () => {
    await page.goto('/?step=1.2');
    await clock().locator('summary').click();
    await clock().getByRole('button', { name: 'Start the clock' }).click();
    assert.match(page.url(), /\/\?step=1\.2$/);
    await clock().locator('summary').click();
    await page.picture('clock-phone');
    await clock().getByRole('button', { name: 'Pause' }).click();
    await clock().locator('summary').click();
    await clock().getByRole('button', { name: 'Go on' }).waitFor();
    await clock().getByRole('button', { name: 'Back to 0:00' }).click();
    assert.equal(await clock().locator('summary .num').innerText(), '–');
    assert.equal(await audience(), 'Where the data is', 'the step that the clock was started with is on show');
  });

  it('shows a step to the audience, freezes and blanks it', async () => {
    await page.goto('/?step=3.1');
    await page.getByText('The audience sees 1.2 See where the data is.').waitFor();
    await page.getByRole('button', { name: 'Show this step' }).click();
    assert.match(page.url(), /\/\?step=3\.1$/);
    assert.equal(await audience(), 'Checkouts completed');
    await page.getByRole('button', { name: 'Freeze' }).click();
    await page.getByText(/^Frozen at/).waitFor();
    await page.picture('audience-panel-phone');
    await page.getByRole('button', { name: 'Blank' }).click();
    await page.getByText('The screen is blank.').waitFor();
    assert.equal(await audience(), 'blank');
    await page.getByRole('button', { name: 'Blank' }).click();
    await page.getByRole('button', { name: 'Freeze' }).click();
    assert.equal(await page.getByText(/^Frozen at/).count(), 0);
  });

  it('skips and takes up again', async () => {
    await page.goto('/?step=2.1');
    await page.getByText('Skip…').click();
    await page.getByRole('button', { name: 'Skip this step' }).click();
    assert.match(page.url(), /\/\?step=3\.1$/);
    await page.goto('/?step=2.1');
    await page.getByRole('button', { name: 'Take it up again' }).click();
    assert.match(page.url(), /\/\?step=2\.1$/);
    assert.equal(await page.getByRole('button', { name: 'Take it up again' }).count(), 0);
  });
});
