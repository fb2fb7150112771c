// The stream: start, rate, pause, step, a poisoned record, repair, compaction, freezing, a killed server, its place among the runs, reset.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PHONE } from '../lib/browser.mjs';
import { useShow } from '../lib/show.mjs';

describe('the stream', () => {
  const show = useShow();
  const { open, close, go } = show;
  const tile = async (page, label) => {
    const text = await page.locator('#board .tile', { hasText: label }).locator('dd.big').innerText();
    return Number(text.replace(/[^0-9.]/g, ''));
  };
  const sessions = (page) => tile(page, 'Sessions in the warehouse');
  const until = (page, what, check) => page.waitForFunction(check, undefined, { timeout: 20_000 }).catch((e) => assert.fail(`${what}: ${e}`));
  const button = (page, name) => page.getByRole('button', { name, exact: true });
  const atLeast = async (page, label, n) => {
    await page.waitForFunction(
      ([label, n]) => [...document.querySelectorAll('#board .tile')].some((tile) =>
        tile.querySelector('dt')?.textContent === label
          && Number(tile.querySelector('dd.big')?.textContent.replace(/[^0-9.]/g, '')) >= n),
      [label, n],
      { timeout: 20_000 },
    );
  };

  it('moves the board by itself, in every browser that is open', async () => {
    const page = await open('/stream');
    const other = await open('/stream', { viewport: PHONE, colorScheme: 'dark' });
    assert.equal(await sessions(page), 0);
    await page.getByLabel('Records a second').fill('10');
    await page.getByLabel('At the end of the day').selectOption('loop');
    await button(page, 'Start the stream').click();
    for (const watching of [page, other]) {
      await atLeast(watching, 'Sessions in the warehouse', 10);
      await watching.getByText(/in the last minute/).first().waitFor();
    }
    await page.picture('stream-playing');
    await other.picture('stream-playing-phone-dark');
    await close(other);
    await close(page);
  });

  it('pauses, goes on by one record, bursts, and changes its rate', async () => {
    const page = await open('/stream', { expected: [/422/] });
    await button(page, 'Pause').click();
    await button(page, 'Resume').waitFor();
    // What was published before the press becomes visible.
    await until(page, 'all that was published is visible', () => {
      if (!document.querySelector('#board').textContent.includes('Paused')) return false;
      const tile = document.querySelector('#board .tile');
      const number = (what) => Number(tile.querySelector(what).textContent.replace(/[^0-9]/g, ''));
      return number('dd.big') === number('dd.delta');
    });
    const before = await sessions(page);
    await button(page, 'One record').click();
    await atLeast(page, 'Sessions in the warehouse', before + 1);
    await page.waitForTimeout(1_200);
    assert.equal(await sessions(page), before + 1, 'one record and no more');
    await page.getByLabel('At once').fill('25');
    await button(page, 'Burst').click();
    await atLeast(page, 'Sessions in the warehouse', before + 26);
    // As a browser that checks nothing. In one go: news that arrive in between bring the field's limits back.
    await page.getByLabel('Records a second').evaluate((field) => {
      field.value = '0.05';
      field.form.noValidate = true;
      field.form.requestSubmit();
    });
    await page.getByText('The rate goes from 0.1 to 10000 records a second.').waitFor();
    await button(page, '1/s').click();
    await page.locator('button[aria-pressed="true"]', { hasText: '1/s' }).waitFor();
    await button(page, 'Resume').click();
    await button(page, 'Pause').waitFor();
    await page.getByText('chosen: 1', { exact: true }).waitFor();
    await close(page);
  });

  it('puts a poisoned record aside with its reason, and takes it when it is mended', async () => {
    const page = await open('/stream');
    for (const [name, reason] of [['Bad JSON', /JSON|end/i], ['Missing field', /fullVisitorId/], ['Wrong type', /visitStartTime/]]) {
      await button(page, name).click();
      await page.locator('#dead-letters .dead', { hasText: reason }).first().waitFor({ timeout: 20_000 });
    }
    await atLeast(page, 'Dead letters', 3);
    await page.picture('stream-dead-letters');
    for (let left = 3; left > 0; left -= 1) {
      await page.locator('#dead-letters summary').first().click();
      await page.locator('#dead-letters').getByRole('button', { name: 'Resend' }).first().click();
      await page.locator('#dead-letters .end', { hasText: `${left - 1} open, ${4 - left} repaired` }).waitFor({ timeout: 20_000 });
    }
    assert.equal(await tile(page, 'Dead letters'), 0);
    await close(page);
  });

  it('sends a record by hand', async () => {
    const page = await open('/stream');
    await page.getByLabel(/The record that comes next/).fill('{"this is":"no session"}');
    await button(page, 'Send this record').click();
    await page.locator('#dead-letters .dead', { hasText: 'no session' }).waitFor({ timeout: 20_000 });
    await close(page);
  });

  it('freezes the screen, not the stream', async () => {
    const page = await open('/stream?still');
    const frozen = await page.locator('.board').innerText();
    // Another browser sees the stream go on.
    const other = await open('/stream');
    await atLeast(other, 'Sessions in the warehouse', (await sessions(other)) + 2);
    await close(other);
    assert.equal(await page.locator('.board').innerText(), frozen);
    await page.getByRole('link', { name: 'Let the screen go on' }).click();
    await until(page, 'the board goes on', () => document.querySelector('#board') !== null);
    await close(page);
  });

  it('makes one file of many', async () => {
    const page = await open('/stream');
    await button(page, 'Compact now').click();
    const panel = page.locator('#compaction');
    await panel.getByText('warehouse.ga_sessions_stream').waitFor({ timeout: 20_000 });
    assert.match(await panel.innerText(), /before\s+\d+ files, .*\s+after\s+1 file, /);
    await page.picture('stream-compaction');
    await close(page);
  });

  it('goes on where it was after the server was killed', async () => {
    const page = await open('/stream', { expected: [/ERR_|Failed to (load|fetch)|net::/i] });
    const before = await sessions(page);
    await show.server.kill();
    await show.start();
    await go(page, '/stream');
    await button(page, 'Pause').waitFor();
    await atLeast(page, 'Sessions in the warehouse', before + 2);
    await page.context().close();
  });

  it('moves on its page among the runs while it plays', async () => {
    const page = await open('/runs');
    await page.getByRole('row', { name: /^Stream 2017-/ }).getByRole('link').click();
    await page.getByRole('term').filter({ hasText: 'Published' }).waitFor();
    // Without an argument: what it is; with one: whether it is another by now.
    const published = (before) => {
      const facts = [...document.querySelectorAll('.run-facts > div')];
      const now = facts.find((fact) => fact.firstChild.textContent === 'Published').lastChild.innerText;
      return before ? now !== before : now;
    };
    // What somebody opened to show it stays open, and stays the same call.
    const call = page.locator('details.call').first();
    await call.locator('summary').click();
    const opened = await call.locator('strong').first().innerText();
    await page.waitForFunction(published, await page.evaluate(published), { timeout: 20_000 });
    assert.equal(await call.getAttribute('open'), '');
    assert.equal(await call.locator('strong').first().innerText(), opened);
    // News makes it ask again once, not from then on.
    for (const rate of ['9', '10', '9', '10', '9', '10']) {
      await page.evaluate((rate) => fetch('/api/change_stream', { method: 'POST', body: new URLSearchParams({ change: 'rate', value: rate }), headers: { accept: 'application/json' } }), rate);
    }
    await page.waitForTimeout(2_500);
    let asked = 0;
    page.on('request', (request) => { if (/\/api\/run(\?|$)/.test(request.url())) asked++; });
    await page.waitForTimeout(6_500);
    assert.ok(asked > 0 && asked <= 4, `it asked ${asked} times in 6.5 s`);
    await close(page);
  });

  it('answers each form without JavaScript', async () => {
    const page = await open('/stream', { javaScript: false });
    await button(page, '100/s').click();
    await page.getByText('chosen: 100').waitFor();
    await button(page, 'Stop').click();
    await button(page, 'Start the stream').waitFor();
    await page.getByText('admin stopped it.').waitFor();
    await close(page);
  });

  it('is a run among the others, and says what it executed before and after the kill', async () => {
    const page = await open('/runs');
    const row = page.getByRole('row', { name: /^Stream 2017-/ });
    assert.match(await row.innerText(), /Done\. admin stopped it\./);
    await page.picture('runs-with-a-stream');
    await row.getByRole('link').click();
    await page.getByRole('heading', { level: 1, name: /^Stream 2017-/ }).waitFor();
    const main = page.getByRole('main');
    assert.match(await main.innerText(), /Attempt\s+2\s/);
    await main.locator('details.call', { hasText: 'topics.publish' }).first().waitFor();
    await main.getByRole('link', { name: 'Lineage of this run' }).waitFor();
    await page.picture('run-stream');
    const desktop = page.viewportSize();
    await page.setViewportSize({ width: 390, height: 844 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, 'sideways on a phone');
    await page.picture('run-stream-phone');
    await page.setViewportSize(desktop);
    await main.getByRole('link', { name: 'All calls, step by step' }).click();
    await page.getByRole('navigation', { name: 'Steps' }).getByRole('link', { name: /^Into bronze/ }).click();
    await page.waitForURL(/\?step=bronze$/);
    for (const method of ['topics.pull', 'delta.commit', 'topics.acknowledge']) {
      await page.locator('details.call', { hasText: method }).first().waitFor();
    }
    await page.getByRole('navigation', { name: 'Steps' }).getByRole('link', { name: /^Publish the records/ }).click();
    await page.waitForURL(/\?step=publish$/);
    for (const attempt of ['attempt 1', 'attempt 2']) {
      await page.locator('details.call', { hasText: attempt }).first().waitFor({ state: 'attached' });
    }
    await page.picture('calls-stream');
    await close(page);
  });

  it('is emptied by a reset, with proof', async () => {
    const page = await open('/reset?scope=all');
    const promise = await page.locator('#estimate').innerText();
    assert.equal(promise.match(/pressing twice/g).length, 1, promise);
    await page.getByRole('button', { name: /^Delete/ }).click();
    await page.getByText('Stream alive: a probe message, to each subscription').waitFor({ timeout: 60_000 });
    const certificate = await page.getByRole('main').innerText();
    assert.match(certificate, /Messages of the stream waiting\s+0\s+0/);
    await go(page, '/stream');
    assert.equal(await sessions(page), 0);
    assert.equal(await page.getByText('admin stopped it.').count(), 0);
    await close(page);
  });
});
