// axe finds nothing on any route: with nothing in the data folder, after the seed, and after a run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { PHONE, PROJECTOR, SCHEMES } from '../lib/browser.mjs';
import { addresses } from '../lib/routes.mjs';
import { useShow } from '../lib/show.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };

/** What axe has to say of the page, a line for each element. */
async function violations(page, runOnly) {
  // Through the debugger, which the page's content security policy does not bind.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  const { violations } = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly }), runOnly);
  return violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary.split('\n').slice(1).join(' ').trim()}`),
  );
}

for (const [state, options] of Object.entries({
  empty: { seeded: false },
  seeded: {},
  'after a run': { ran: true },
})) {
  describe(`axe, ${state}`, () => {
    const show = useShow(options);
    for (const [size, viewport] of Object.entries({ projector: PROJECTOR, phone: PHONE })) {
      it(`finds nothing on a ${size}`, async () => {
        const page = await show.browser.newPage({ origin: show.server.url, viewport, expected: [/404/] });
        const found = [];
        for (const { path } of await addresses(show.server.url)) {
          const answer = await show.go(page, path);
          // An empty lake has no tables to look into.
          if (answer.status() === 404 && state !== 'empty' && !/nowhere|9\.9|none/.test(path)) found.push(`${path} answers 404`);
          for (const colorScheme of SCHEMES) {
            await page.emulateMedia({ colorScheme });
            // The schemes differ in their colours only.
            const rules = colorScheme === 'light' ? RULES : { type: 'rule', values: ['color-contrast'] };
            for (const violation of await violations(page, rules)) found.push(`${path} ${colorScheme}: ${violation}`);
          }
        }
        assert.deepEqual([...new Set(found)], []);
        await show.close(page);
      });
    }
  });
}
