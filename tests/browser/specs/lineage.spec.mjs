// A number of the report, walked back to the file; search; both ways; a run's lineage; OpenLineage in and out.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { PHONE } from '../lib/browser.mjs';
import { useShow } from '../lib/show.mjs';
import { ask } from '../lib/session.mjs';

describe('lineage', () => {
  const show = useShow();
  let run;
  before(async () => {
    run = (await (await ask(`${show.server.url}/api/runs`)).json())[0].id;
  });
  const { open } = show;
  const side = (page) => page.getByRole('complementary', { name: 'Selected column' });

  it('walks a number of the report back to the file, with each expression', async () => {
    const page = await open('/report');
    await page.getByRole('definition').getByRole('link', { name: /^\$/ }).click();
    await side(page).getByRole('heading', { name: /^revenue, 3 steps back$/ }).waitFor();
    const hops = await side(page).getByRole('list').first().getByRole('listitem').allInnerTexts();
    assert.match(hops[0], /report · aggregation[^]*totals\.revenue[^]*sum\(revenue\)/);
    assert.match(hops[1], /silver · transformation[^]*sessions\.revenue/);
    assert.match(hops.at(-1), /source[^]*ga_sessions_\*\.json\.totals\.transactionRevenue/);
    assert.ok(await page.locator('path.edge.on').count() >= 3);
    await page.picture('lineage-revenue');
    await show.close(page);
  });

  it('shows the whole path on a projector, without scrolling', async () => {
    const page = await open('/lineage?column=gold.country_day.revenue');
    const graph = page.getByRole('region', { name: /^Lineage graph/ });
    const [scroll, width] = await graph.evaluate((element) => [element.scrollWidth, element.clientWidth]);
    assert.ok(scroll <= width, `${scroll} > ${width}`);
    await show.close(page);
  });

  it('goes on from a column, and keeps the state in the address', async () => {
    const page = await open('/lineage?find=transactionRevenue');
    await side(page).getByRole('link', { name: 'bronze.ga_sessions.totals.transactionRevenue' }).click();
    await page.getByRole('navigation', { name: 'Direction' }).getByRole('link', { name: 'Downstream' }).click();
    await page.waitForURL(/column=bronze\.ga_sessions\.totals\.transactionRevenue&way=on/);
    await page.getByRole('region', { name: 'report.totals' }).getByRole('link', { name: 'revenue' }).waitFor();
    await page.getByRole('region', { name: 'gold.country_day' }).getByRole('link', { name: 'revenue' }).click();
    await side(page).getByRole('heading', { name: /^revenue, / }).waitFor();
    await show.close(page);
  });

  it('opens a table, and reads without JavaScript on a phone', async () => {
    const page = await open('/lineage', { javaScript: false, viewport: PHONE });
    await page.getByRole('link', { name: '38 more columns of silver.sessions' }).click();
    await page.getByRole('region', { name: 'silver.sessions' }).getByRole('link', { name: 'exit_page' }).click();
    await side(page).getByRole('heading', { name: /^exit_page, 2 steps back$/ }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
    await show.close(page);
  });

  it('says what a run read and made', async () => {
    const page = await open(`/runs/${run}`);
    await page.getByRole('link', { name: 'Lineage of this run' }).click();
    await page.getByText(`from the plans of ${run}`).waitFor();
    await side(page).getByText('bronze.ga_sessions', { exact: true }).locator('xpath=..').click();
    await side(page).getByText(/gs:\/\/sa-ingestion-demo-dev\/customer01\/ga_sessions\/2017-07-27\//).first().waitFor();
    await page.picture('lineage-run');
    await show.close(page);
  });

  it('keeps what a run read from whoever views as somebody', async () => {
    const identity = (await (await ask(`${show.server.url}/api/shell`)).json()).identities[0][0];
    const as = { headers: { cookie: `view_as=${identity}` } };
    assert.equal((await ask(`${show.server.url}/lineage?run=${run}`, as)).status, 403);
    assert.equal((await ask(`${show.server.url}/runs/${run}/lineage.json`, as)).status, 403);
    assert.equal((await ask(`${show.server.url}/lineage?column=report.totals.revenue`, as)).status, 200);
  });

  it('gives OpenLineage events, and takes those of others', async () => {
    const events = await (await ask(`${show.server.url}/runs/${run}/lineage.json`)).json();
    assert.ok(events.length >= 20, `${events.length} events`);
    const complete = events.find((event) => event.eventType === 'COMPLETE' && event.job.name === 'gold.country_day');
    const revenue = complete.outputs[0].facets.columnLineage.fields.revenue.inputFields[0];
    assert.deepEqual([revenue.name, revenue.field], ['silver.sessions', 'revenue']);
    assert.equal(revenue.transformations[0].subtype, 'AGGREGATION');
    const send = (body) => ask(`${show.server.url}/api/v1/lineage`, { method: 'POST', body: JSON.stringify(body) });
    const own = complete.outputs[0].namespace;
    const theirs = {
      eventType: 'COMPLETE', eventTime: '2017-07-29T10:00:00Z', producer: 'https://example.com/dbt',
      schemaURL: complete.schemaURL, run: { runId: '01890a5d-ac96-774b-bcce-b302099a8057' },
      job: { namespace: 'dbt', name: 'forecast' },
      inputs: [{ namespace: own, name: 'gold.country_day' }],
      outputs: [{ namespace: 'bigquery', name: 'ml.forecast', facets: { columnLineage: {
        _producer: 'https://example.com/dbt', _schemaURL: 'https://example.com/facet',
        fields: { next_revenue: { inputFields: [{ namespace: own, name: 'gold.country_day', field: 'revenue' }] } },
      } } }],
    };
    assert.equal((await send(theirs)).status, 201);
    assert.deepEqual(await (await send([theirs])).json(), { new: 0 });
    const refused = await send({ ...theirs, run: {} });
    assert.equal(refused.status, 422);
    assert.match(await refused.text(), /run\.runId/);
    const page = await open('/lineage?column=gold.country_day.revenue&way=on');
    await page.getByRole('region', { name: 'external.bigquery/ml.forecast' }).getByRole('link', { name: 'next_revenue' }).waitFor();
    await show.close(page);
  });
});
