// Stories: duplicated, edited with and without JavaScript, and put on stage at a depth while another page is open.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { PHONE, PROJECTOR, SCHEMES } from '../lib/browser.mjs';
import { useShow } from '../lib/show.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const COPY = 'web-analytics-2';

describe('stories', () => {
  const show = useShow();
  const { open, close } = show;
  const step = (page, id) => page.getByRole('group', { name: new RegExp(`^Step ${id.replace('.', '\\.')} `) });

  it('duplicates the shipped story and edits the duplicate', async () => {
    const page = await open('/stories');
    await page.picture('stories');
    await page.getByRole('button', { name: 'Duplicate web-analytics', exact: true }).click();
    await page.getByRole('heading', { name: `Edit ${COPY}` }).waitFor();
    await page.getByLabel('Title of the story').fill('For a bank');
    await step(page, '2.1').getByLabel('Talking point').fill('Ours, first line.\nOurs, on {said}.');
    await step(page, '2.3').getByLabel('Part of a show of').selectOption('45');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'For a bank', level: 1 }).waitFor();
    await page.getByText('Ours, on 29 Jul.').waitFor();
    await page.getByRole('link', { name: '5 minutes', exact: true }).click();
    await page.getByText('6 steps, planned 5:00').waitFor();
    assert.equal(await page.getByRole('heading', { name: '1.2 See where the data is' }).count(), 0);
    await page.picture('stories-preview');
    await close(page);
  });

  it('says beside each field what is wrong, and loses nothing typed', async () => {
    for (const javaScript of [true, false]) {
      const page = await open(`/stories/${COPY}/edit`, { javaScript });
      await page.getByLabel('Title of the story').fill('');
      await step(page, '1.1').getByLabel('Talking point').fill('Typed with care.');
      await step(page, '1.1').getByLabel('Planned, as 1:30').fill('soon');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText('2 fields cannot be saved as typed').waitFor();
      const minutes = step(page, '1.1').getByLabel('Planned, as 1:30');
      assert.equal(await minutes.inputValue(), 'soon');
      assert.equal(await minutes.getAttribute('aria-invalid'), 'true');
      assert.equal(await step(page, '1.1').getByLabel('Talking point').inputValue(), 'Typed with care.');
      assert.equal(await page.getByLabel('Title of the story').inputValue(), '');
      await page.picture(`stories-wrong-${javaScript}`);
      await page.getByLabel('Title of the story').fill(javaScript ? 'For a bank' : 'For a bank, by hand');
      await minutes.fill('1:45');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('heading', { name: /^For a bank/, level: 1 }).waitFor();
      await page.getByText('Typed with care.').waitFor();
      await close(page);
    }
  });

  it('tells the second of two who edit at once', async () => {
    const [one, other] = [await open(`/stories/${COPY}/edit`), await open(`/stories/${COPY}/edit`)];
    for (const [page, words] of [[one, 'The first.'], [other, 'The second.']]) {
      await step(page, '1.3').getByLabel('Talking point').fill(words);
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText(words).first().waitFor();
    }
    await other.getByText('Nothing was written over it').waitFor();
    await other.getByText('The newest version has: The first.').waitFor();
    assert.equal(await step(other, '1.3').getByLabel('Talking point').inputValue(), 'The second.');
    await other.picture('stories-conflict');
    await other.getByRole('button', { name: 'Save' }).click();
    await other.getByRole('heading', { name: /^For a bank/, level: 1 }).waitFor();
    await close(one);
    await close(other);
  });

  it('puts a depth on stage, and open pages follow', async () => {
    const watching = await open('/');
    await watching.getByText('Web analytics: a day arrives', { exact: true }).first().waitFor();
    const page = await open('/stories', { expected: [/409/] });
    await page.getByRole('button', { name: `Put on stage: ${COPY}, 5 minutes` }).click();
    await page.getByText(/For a bank.* · 5 minutes/).first().waitFor();
    await watching.getByText(/For a bank.* · 5 minutes/).first().waitFor();
    assert.equal(await watching.locator('a[href="/?step=1.2"]').count(), 0);
    assert.ok((await watching.locator('a[href="/?step=2.4"]').count()) > 0);
    await page.picture('stories-on-stage');
    await page.goto(`/stories?delete=${COPY}`);
    await page.getByRole('button', { name: `Delete ${COPY}`, exact: true }).click();
    await page.getByText('The story is on stage. Put another one on stage first').waitFor();
    await page.goto('/stories');
    await page.getByRole('button', { name: 'Put on stage: web-analytics, 45 minutes' }).click();
    await watching.getByText('Web analytics: a day arrives', { exact: true }).first().waitFor();
    await close(watching);
    await close(page);
  });

  it('is readable for all, at every size', async () => {
    for (const [size, viewport] of [['phone', PHONE], ['projector', PROJECTOR]]) {
      for (const colorScheme of SCHEMES) {
        for (const [name, path] of [
          ['stories', `/stories?delete=${COPY}`],
          ['story', `/stories/${COPY}?depth=20`],
          ['edit', `/stories/${COPY}/edit`],
        ]) {
          const page = await open(path, { viewport, colorScheme });
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

  it('deletes a duplicate after it was asked for again', async () => {
    const page = await open('/stories');
    await page.getByRole('button', { name: `Delete ${COPY}…` }).click();
    await page.getByRole('button', { name: `Delete ${COPY}`, exact: true }).click();
    await page.getByRole('button', { name: `Edit ${COPY}` }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: `Edit ${COPY}` }).waitFor({ state: 'detached' });
    assert.equal(await page.getByRole('button', { name: 'Duplicate web-analytics', exact: true }).count(), 1);
    await close(page);
  });
});
