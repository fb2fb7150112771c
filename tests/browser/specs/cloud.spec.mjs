// The whole story and the reset on the Google Cloud back end, against stand-ins (lib/peers.mjs): every button does the same, and what it did
// is looked for where it has to be: in Cloud Storage's and BigQuery's stand-ins.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { launchBrowser } from '../lib/browser.mjs';
import { missing, startPeers } from '../lib/peers.mjs';
import { newDataDir, removeDataDir, startServer } from '../lib/server.mjs';
import { smallShow } from '../lib/story.mjs';

const why = missing();
if (why) console.error(`left out: the story on Google Cloud's stand-ins (${why})`);

describe('the story on Google Cloud', { skip: why ?? false }, () => {
  const DATASET = 'sa_bq_dataset_demo_dev';
  const dataDir = newDataDir();
  let peers;
  let server;
  let browser;
  let page;
  before(async () => {
    peers = await startPeers();
    server = await startServer({ dataDir, env: { ...smallShow('2017-07-27'), ...peers.env } });
    browser = await launchBrowser();
    page = await browser.newPage({ origin: server.url, role: 'presenter' });
    await page.goto('/');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
  });
  after(async () => {
    if (process.env.SPEC_LOG) writeFileSync(process.env.SPEC_LOG, server.log());
    page?.assertClean();
    await browser?.close();
    await server?.stop();
    await peers?.stop();
    removeDataDir(dataDir);
  });

  const primary = (name) => page.getByRole('main').getByRole('button', { name, exact: true });
  const heading = (name) => page.getByRole('heading', { level: 1, name });
  const next = (name) => page.getByRole('main').getByRole('link', { name: `Next: ${name}` });
  const shown = (locator, timeout = 60_000) => locator.first().waitFor({ timeout });
  const rows = async (table, where = 'TRUE') =>
    Number((await peers.query(`SELECT count(*) FROM \`${DATASET}.${table}\` WHERE ${where}`))[0][0]);
  const objects = async (bucket) =>
    ((await (await fetch(`${peers.gcs}/storage/v1/b/${bucket}/o`)).json()).items ?? []).map((object) => object.name);
  const go = async (path) => {
    await page.goto(path);
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
  };

  it('seeds the history, into the buckets and into BigQuery', async () => {
    await shown(heading('Seed the history'));
    await primary('Seed the history').click();
    await shown(next('See where the data is'));
    const days = await peers.query(`SELECT date, count(*) FROM \`${DATASET}.ga_sessions\` GROUP BY date ORDER BY date`);
    assert.deepEqual(days.map(([day]) => day), ['2017-07-27', '2017-07-28']);
    assert.ok(days.every(([, count]) => Number(count) > 10), JSON.stringify(days));
    assert.ok((await objects('sa-source-data-demo-dev')).length >= 3);
    const lake = await objects('sa-datalake-demo-dev');
    for (const zone of ['bronze', 'silver', 'gold', 'warehouse']) {
      assert.ok(lake.some((key) => key.startsWith(`zone/${zone}/`) && key.endsWith('.parquet')), zone);
    }
    await page.picture('cloud-1-seeded');
  });

  it('takes the day of the story, once, by its marker', async () => {
    await go('/?step=2.1');
    await primary('Upload as customer01').click();
    await shown(page.getByText(/Waiting for end_file\.txt \(1 file, /));
    assert.equal(await rows('ga_sessions', "date = DATE '2017-07-29'"), 0);
    await next('Write end_file.txt').click();
    await shown(heading('Write end_file.txt'));
    await primary('Write end_file.txt').click();
    await shown(next('Find the day in each zone'));
    const loaded = await rows('ga_sessions', "date = DATE '2017-07-29'");
    assert.ok(loaded > 10, `${loaded}`);
    await primary('Write end_file.txt again').click();
    await shown(page.getByText(/duplicate, ignored/));
    assert.equal(await rows('ga_sessions', "date = DATE '2017-07-29'"), loaded);
    await page.picture('cloud-2-ingested');
    await go('/report');
    await shown(page.getByText(/to 29 Jul 2017/));
  });

  it('lets BigQuery answer queries of the warehouse, and the lake those of its zones', async () => {
    const ask = async (sql) => {
      await go(`/sql?q=${encodeURIComponent(sql)}`);
      await shown(page.getByRole('table').filter({ hasText: /\d/ }));
    };
    await ask('SELECT count(*) AS sessions FROM warehouse.ga_sessions');
    await shown(page.getByText(/Answered by BigQuery, spec-project\.sa_bq_dataset_demo_dev, job /));
    await shown(page.getByText('Bytes billed'));
    await page.picture('cloud-3-sql');
    await ask('SELECT count(*) AS sessions FROM silver.sessions');
    assert.equal(await page.getByText(/Answered by BigQuery/).count(), 0);
    await go(`/sql?q=${encodeURIComponent('SELECT nothing FROM warehouse.ga_sessions')}`);
    await shown(page.getByText(/nothing/).and(page.getByRole('alert')).or(page.getByText(/Could not run the query/)));
  });

  // The stand-in for BigQuery stops for good when it is asked while rows come in: so it is asked while the stream is paused, and all that
  // was published is visible.
  const paused = async () => {
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await shown(page.getByRole('button', { name: 'Resume', exact: true }));
    await page.waitForFunction(() => {
      if (!document.querySelector('#board').textContent.includes('Paused')) return false;
      const tile = document.querySelector('#board .tile');
      const number = (what) => Number(tile.querySelector(what).textContent.replace(/[^0-9]/g, ''));
      return number('dd.big') === number('dd.delta');
      // What a killed server had taken comes again when its deadline has passed, after a minute, and others of the same visitor after it.
    }, undefined, { timeout: 120_000 });
  };
  const visible = (least) => page.waitForFunction(
    (least) => [...document.querySelectorAll('#board .tile')].some((tile) =>
      tile.querySelector('dt')?.textContent === 'Sessions in the warehouse'
        && Number(tile.querySelector('dd.big')?.textContent.replace(/[^0-9.]/g, '')) >= least),
    least,
    { timeout: 60_000 },
  );
  const eachOnce = async () => {
    const [count, distinct, span] = (await peers.query(
      `SELECT count(*), count(DISTINCT seq), max(seq) - min(seq) + 1 FROM \`${DATASET}.ga_sessions_stream\``,
    ))[0].map(Number);
    assert.equal(count, distinct, 'each once');
    assert.equal(count, span, 'none missing');
    return count;
  };

  it('streams into BigQuery, each record once', async () => {
    await go('/stream');
    await page.getByLabel('Records a second').fill('10');
    await page.getByLabel('At the end of the day').selectOption('loop');
    await page.getByRole('button', { name: 'Start the stream', exact: true }).click();
    await visible(20);
    await page.picture('cloud-4-stream');
    await paused();
    assert.ok(await eachOnce() >= 20);
    const all = Number((await peers.query(`SELECT count(*) FROM \`${DATASET}.ga_sessions_all\``))[0][0]);
    assert.ok(all > await rows('ga_sessions'), `${all}`);
  });

  it('goes on after a killed server, and no row is doubled or lost', async () => {
    const before = await rows('ga_sessions_stream');
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await visible(before + 10);
    await page.goto('about:blank');
    await server.kill();
    server = await startServer({ dataDir, env: { ...smallShow('2017-07-27'), ...peers.env }, addr: new URL(server.url).host });
    await go('/stream');
    await visible(before + 20);
    await paused();
    assert.ok(await eachOnce() >= before + 20);
  });

  it('puts everything back, with proof, and nothing of ours is left in Google Cloud', async () => {
    await go('/reset?scope=all');
    await page.picture('cloud-5-dry-run');
    await page.getByRole('button', { name: /^Delete \d+ items?$/ }).click();
    await shown(page.getByText('Reset verified'));
    await page.picture('cloud-6-certificate');
    await shown(page.getByText(`spec-project.${DATASET}.ga_sessions: rows served`));
    for (const table of ['ga_sessions', 'ga_sessions_stream', 'ga_sessions_stream_error_records']) {
      assert.equal(await rows(table), 0, table);
    }
    const lake = await objects('sa-datalake-demo-dev');
    assert.deepEqual(lake.filter((key) => !key.includes('/_delta_log/')), []);
    assert.deepEqual(await objects('sa-ingestion-demo-dev'), []);
    assert.deepEqual(await peers.refused(), []);
  });
});
