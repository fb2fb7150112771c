// Datasets: London's bicycles by one press, a dirty day of hires, a dataset from a sample of one's own, a new version, and its end with proof.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { PHONE, PROJECTOR, SCHEMES } from '../lib/browser.mjs';
import { useShow } from '../lib/show.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const HIRES = 'london_cycle_hire';

describe('datasets', () => {
  const show = useShow({ seeded: false });
  const { open, close } = show;
  const folder = mkdtempSync(join(tmpdir(), 'showrunner-sample-'));
  after(() => rmSync(folder, { recursive: true }));
  const all = (page) => page.getByRole('region', { name: 'All datasets' });

  it('adds London bicycles by one press', async () => {
    const page = await open('/datasets');
    await page.getByRole('button', { name: 'Add London bicycles' }).click();
    await all(page).getByRole('link', { name: HIRES }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Add London bicycles' }).count(), 0);
    await page.picture('datasets');
    await close(page);
  });

  it('delivers a dirty day, and a number of it is one click from where it came from', async () => {
    const page = await open(`/datasets?dataset=${HIRES}`);
    const key = page.getByRole('checkbox', { name: 'Key of rental_id' });
    assert.ok(await key.isChecked(), 'the key is proposed');
    assert.equal(await page.getByRole('combobox', { name: 'Partitioned by' }).inputValue(), 'start_date');
    await page.picture('datasets-definition');
    await page.getByRole('button', { name: 'Deliver the day' }).click();
    await page.waitForURL(/\/runs\/run-/);
    await page.getByText('held back').first().waitFor();
    await show.settled();
    await page.goto(`/lake/silver.${HIRES}?tab=schema`);
    await page.getByText('start_station_name').first().waitFor();
    await page.picture('datasets-lake');
    await page.goto(`/lineage?column=gold.${HIRES}_daily.duration_sum`);
    await page.getByRole('region', { name: `bronze.${HIRES}` }).waitFor();
    await page.picture('datasets-lineage');
    await page.goto(`/sql?q=${encodeURIComponent(`SELECT bike_model, row_count FROM gold.${HIRES}_daily`)}`);
    await page.getByRole('cell', { name: 'CLASSIC' }).waitFor();
    await close(page);
  });

  it('creates one from a sample, and says what a sample is not', async () => {
    const page = await open('/datasets');
    const file = join(folder, 'people.csv');
    writeFileSync(file, 'Id,E-Mail,date\n1,anna.bell@example.com,2017-07-29\n2,tom.reed@example.org,2017-07-29\n');
    const rubbish = join(folder, 'rubbish.csv');
    writeFileSync(rubbish, 'a;b\n1;2\n');
    const send = async (name, path) => {
      await page.getByRole('textbox', { name: 'Name, as in folders and tables' }).fill(name);
      await page.getByLabel('A sample').setInputFiles(path);
      await page.getByRole('button', { name: 'Create from the sample' }).click();
    };
    await send('members', rubbish);
    await page.getByText("separated by ';'").waitFor();
    await send('members', file);
    await page.getByRole('textbox', { name: 'Name of E_Mail' }).waitFor();
    assert.equal(await page.getByRole('combobox', { name: 'Personal data of E_Mail' }).inputValue(), 'EMAIL_ADDRESS');
    assert.equal(await page.getByRole('combobox', { name: 'Type of date_2' }).inputValue(), 'DATE');
    assert.equal(await page.getByRole('combobox', { name: 'Partitioned by' }).inputValue(), 'date_2');
    await close(page);
  });

  it('is changed in versions', async () => {
    const page = await open(`/datasets?dataset=${HIRES}`);
    await page.getByRole('combobox', { name: 'Place in the clustering of start_station_id' }).selectOption('2');
    await page.getByRole('button', { name: 'Save as a new version' }).click();
    await page.waitForURL(/\/runs\/run-/);
    await show.settled();
    await page.goto(`/datasets?dataset=${HIRES}`);
    await page.getByText('made anew').first().waitFor();
    const place = page.getByRole('combobox', { name: 'Place in the clustering of start_station_id' });
    assert.equal(await place.inputValue(), '2');
    await page.getByRole('region', { name: 'Versions' }).getByRole('link', { name: '1', exact: true }).click();
    await page.getByText('This is version 1').waitFor();
    await close(page);
  });

  it('goes with proof', async () => {
    const page = await open(`/datasets?dataset=${HIRES}`);
    await page.getByRole('button', { name: `Delete ${HIRES}…` }).click();
    await page.getByRole('button', { name: new RegExp(`^Delete ${HIRES} with`) }).click();
    await page.waitForURL(/\/reset\?run=/);
    await page.getByText(/verified/).first().waitFor({ timeout: 60_000 });
    await show.settled();
    await page.goto('/datasets');
    await page.getByRole('region', { name: 'Deleted' }).getByText(HIRES).waitFor();
    assert.equal(await all(page).getByRole('link', { name: HIRES }).count(), 0);
    await close(page);
  });

  for (const viewport of [PROJECTOR, PHONE]) {
    for (const scheme of SCHEMES) {
      it(`is legible, ${viewport.width} wide, ${scheme}`, async () => {
        const page = await open('/datasets?dataset=members', { viewport, colorScheme: scheme });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `${wide} pixels too wide`);
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
        assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 120)}`), []);
        await page.picture(`datasets-${viewport.width}-${scheme}`);
        await close(page);
      });
    }
  }
});
