// Personal data: the CRM file with both sorts of names, why, verdicts that stay, without JavaScript.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { PHONE, PROJECTOR, SCHEMES } from '../lib/browser.mjs';
import { useShow } from '../lib/show.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe('personal data', () => {
  const show = useShow();
  const { open, close } = show;
  const button = (page, name) => page.getByRole('button', { name, exact: true });
  const fact = (page, label) => page.locator('dl.facts div', { hasText: label }).locator('dd').first();

  it('scans the CRM file, says how good it is and why', async () => {
    const page = await open('/privacy');
    await page.getByText('Nothing was scanned yet').waitFor();
    await button(page, 'Deliver the CRM file').click();
    const email = page.locator('details.why').filter({ has: page.locator('summary', { hasText: /^email/ }) }).first();
    await email.waitFor({ timeout: 60_000 });
    assert.ok(Number.parseFloat(await fact(page, 'Precision').innerText()) >= 90);
    assert.ok(Number.parseFloat(await fact(page, 'Recall').innerText()) >= 90);
    await email.locator('summary').click();
    await email.getByText("The name says 'email'.").waitFor();
    assert.doesNotMatch(await page.locator('main').innerText(), /@(mail\.)?example\.(com|org|net)/);
    await page.picture('privacy-crm');
    await close(page);
  });

  it('remembers a verdict', async () => {
    const page = await open('/privacy');
    const login = page.locator('details.why').filter({ has: page.locator('summary', { hasText: 'login' }) }).first();
    await login.locator('summary').click();
    await login.getByRole('button', { name: 'Reject', exact: true }).click();
    await login.getByText('Rejected by admin').waitFor();
    await page.reload();
    assert.match(await login.locator('summary').innerText(), /not personal/);
    await login.locator('summary').click();
    await login.getByLabel('Type of login').selectOption('PERSON_NAME');
    await login.getByRole('button', { name: 'Correct', exact: true }).click();
    await login.getByText('Corrected by admin').waitFor();
    await close(page);
  });

  it('takes a tag from a person, which follows the lineage with its path', async () => {
    const page = await open('/privacy');
    await page.getByLabel('Table').selectOption('bronze.ga_sessions');
    await page.getByRole('textbox', { name: 'Column' }).fill('geoNetwork.city');
    await page.getByLabel('Holds').selectOption('LOCATION');
    await button(page, 'Tag').click();
    const city = page.getByRole('link', { name: 'silver.sessions.city LOCATION: from bronze.ga_sessions.geoNetwork.city' });
    await city.click();
    await page.getByRole('complementary', { name: 'Selected column' })
      .getByText('LOCATION: from bronze.ga_sessions.geoNetwork.city').waitFor();
    await page.getByRole('region', { name: 'silver.sessions' }).getByRole('img', { name: 'personal data' }).waitFor();
    await page.picture('privacy-inherited');
    await close(page);
  });

  it('works without JavaScript', async () => {
    const page = await open('/privacy', { javaScript: false });
    await button(page, 'Deliver it with meaningless names').click();
    await page.locator('details.why summary', { hasText: 'c04' }).waitFor({ timeout: 60_000 });
    assert.ok(Number.parseFloat(await fact(page, 'Recall').innerText()) >= 70);
    await close(page);
  });

  it('is readable for all, unfolded, at every size', async () => {
    for (const [size, viewport] of [['phone', PHONE], ['projector', PROJECTOR]]) {
      for (const colorScheme of SCHEMES) {
        const page = await open('/privacy', { viewport, colorScheme });
        await page.evaluate(() => document.querySelectorAll('details.why').forEach((why) => { why.open = true; }));
        await page.evaluate(AXE);
        const found = await page.evaluate(async () => {
          const { violations } = await globalThis.axe.run(document);
          return violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')}`));
        });
        assert.deepEqual(found, [], `${size} ${colorScheme}`);
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(sideways <= 0, `${size}: ${sideways} px too wide`);
        await page.picture(`privacy-${size}-${colorScheme}`);
        await close(page);
      }
    }
  });
});
