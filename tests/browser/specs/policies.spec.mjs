// Policies: the story's preset, who sees what, viewing as somebody, what the engine put in, and that nothing can be changed meanwhile.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { DESKTOP, PHONE, PROJECTOR } from '../lib/browser.mjs';
import { useShow } from '../lib/show.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const QUERY = '/sql?q=SELECT+country%2C+city%2C+count(*)+AS+sessions+FROM+silver.sessions+GROUP+BY+country%2C+city';

/** What axe has to say of the page, which must run scripts: axe waits for timers. The list of tables scrolls, and is in axe.spec.mjs. */
async function axe(page) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const { violations } = await page.evaluate((values) => globalThis.axe.run({ exclude: '.sql-tables' }, { runOnly: { type: 'tag', values } }), values);
  return violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary}`));
}

for (const javaScript of [true, false]) {
  describe(`policies, ${javaScript ? 'with' : 'without'} JavaScript`, () => {
    const show = useShow();
    const { open, close } = show;
    const viewAs = async (page, who) => {
      await page.locator('details.menu > summary').click();
      await page.getByRole('button', { name: who, exact: true }).click();
      await page.getByText('Viewing as').waitFor();
    };
    const countries = (page) =>
      page.getByRole('group', { name: 'Result' }).locator('tbody tr td:first-child').allInnerTexts();

    it('are none at first, and the story’s are there by one press', async () => {
      const page = await open('/policies', { javaScript });
      await page.getByText('No policies yet: everybody sees everything.').waitFor();
      await page.getByRole('button', { name: 'Put the story’s policies in place'.replace('’', "'") }).click();
      await page.getByRole('heading', { name: 'silver.sessions' }).waitFor();
      const germany = page.getByRole('region', { name: 'As Analyst, Germany' });
      await germany.waitFor();
      assert.match(await germany.innerText(), /masked/);
      assert.doesNotMatch(await germany.innerText(), /United Kingdom|France/);
      assert.match(await page.getByRole('region', { name: 'As No grants' }).innerText(), /no row access policy is granted/);
      assert.match(await page.getByRole('region', { name: 'Changes' }).innerText(), /client_nothing/);
      if (javaScript) assert.deepEqual(await axe(page), []);
      await close(page);
    });

    it('the same query gives fewer rows and masks, and says what was put in', async () => {
      const page = await open(QUERY, { javaScript, viewport: PROJECTOR });
      await page.getByRole('group', { name: 'Result' }).waitFor();
      assert.ok(new Set(await countries(page)).size > 3);
      await viewAs(page, 'Analyst, Germany');
      assert.match(page.url(), /\/sql\?q=/, 'it stays where it was');
      await page.getByRole('group', { name: 'Result' }).waitFor();
      assert.deepEqual([...new Set(await countries(page))], ['Germany']);
      const ran = page.getByRole('region', { name: /^What ran: the plan/ });
      assert.match(await ran.innerText(), /▸ .*Filter: country = 'Germany'.*row access policy germany/);
      assert.match(await page.getByRole('region', { name: /^What ran: your query/ }).innerText(), /SHA256\(city\) AS city/);
      if (javaScript) assert.deepEqual(await axe(page), []);
      for (const path of ['/report', '/lake', '/lake/silver.sessions?tab=rows', '/stream', '/policies', '/']) {
        await page.goto(path);
        await page.getByText('Viewing as').waitFor();
        await page.getByRole('button', { name: 'Back to admin' }).waitFor();
        if (javaScript) assert.deepEqual(await axe(page), [], path);
      }
      await page.goto('/policies');
      await page.getByText('Press Back to admin to change policies.').waitFor();
      assert.equal(await page.getByRole('button', { name: /^Drop/ }).count(), 0);
      await page.getByRole('button', { name: 'Back to admin' }).click();
      await page.getByRole('region', { name: 'Add a row access policy' }).waitFor();
      assert.equal(await page.getByText('Viewing as').count(), 0);
      assert.match(await page.getByRole('region', { name: 'Who viewed as whom' }).innerText(), /Analyst, Germany/);
      await close(page);
    });

    it('nothing is changed by who only looks', async () => {
      const page = await open('/', { javaScript, expected: [/403/] });
      await viewAs(page, 'Marketing');
      await page.goto('/?step=2.1');
      if (javaScript) await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
      await page.getByRole('main').getByRole('button', { name: 'Upload as customer01' }).click();
      await page.getByText('You view as Marketing, who may only look.').first().waitFor();
      await close(page);
    });

    it('a policy is added and dropped by forms', async () => {
      const page = await open('/policies', { javaScript, expected: [/422/] });
      const form = page.getByRole('region', { name: 'Add a row access policy' });
      await form.getByLabel('Table').selectOption('gold.channel_day');
      await form.getByLabel('Name').fill('organic');
      await form.getByLabel('Rows where').fill("channel = 'Organic Search'");
      await form.getByLabel(/^Granted to/).fill('user:guest@example.com');
      await form.getByRole('button', { name: 'Add row access policy' }).click();
      const table = page.getByRole('region', { name: 'gold.channel_day' });
      await table.getByText("channel = 'Organic Search'").first().waitFor();
      await table.getByRole('button', { name: 'Drop organic' }).click();
      await table.waitFor({ state: 'detached' });
      await form.getByLabel('Table').selectOption('gold.channel_day');
      await form.getByLabel('Name').fill('wrong');
      await form.getByLabel('Rows where').fill('nothing = 1');
      await form.getByRole('button', { name: 'Add row access policy' }).click();
      await page.getByRole('alert').getByText('The condition of the policy').waitFor();
      await close(page);
    });

    it('a statement on the SQL page waits for a press', async () => {
      const page = await open('/sql?q=CREATE+ROW+ACCESS+POLICY+a+ON+gold.daily_kpis+FILTER+USING+(TRUE)', { javaScript });
      await page.getByRole('button', { name: 'Change policies' }).click();
      await page.getByRole('heading', { name: 'gold.daily_kpis' }).waitFor();
      await close(page);
    });

    if (javaScript) {
      it('has room in every size', async () => {
        for (const [name, viewport] of Object.entries({ desktop: DESKTOP, projector: PROJECTOR, phone: PHONE })) {
          const page = await open('/policies', { viewport });
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.ok(wide <= 0, `${name}: ${wide} pixels too wide`);
          await page.picture(`policies-${name}`);
          await close(page);
        }
        const page = await open(QUERY, { viewport: PROJECTOR });
        await viewAs(page, 'Analyst, Germany');
        await page.getByRole('group', { name: 'Result' }).waitFor();
        await page.picture('policies-view-as');
        await close(page);
      });
    }
  });
}
