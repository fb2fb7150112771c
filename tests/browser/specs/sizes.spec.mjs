// Every route at three sizes, light and dark: no fault in the console, no scrolling sideways, no text cut off, one primary button.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DESKTOP, PHONE, PROJECTOR, SCHEMES } from '../lib/browser.mjs';
import { addresses, fileName } from '../lib/routes.mjs';
import { useShow } from '../lib/show.mjs';

/** In the page: texts that are cut off by the element they stand in. */
function cutOff() {
  const faults = [];
  const hidden = (overflow) => overflow === 'hidden' || overflow === 'clip';
  for (const element of document.querySelectorAll('body *')) {
    if (element.closest('.sr, svg, .skip') || !element.checkVisibility?.()) continue;
    const style = getComputedStyle(element);
    const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const wide = hidden(style.overflowX) && element.scrollWidth > element.clientWidth + 1;
    const high = hidden(style.overflowY) && element.scrollHeight > element.clientHeight + 1;
    if (words && (wide || high)) faults.push(`${element.tagName} ${element.className}: ${element.textContent.trim().slice(0, 60)}`);
    if (words && element.clientWidth > 0) {
      const range = document.createRange();
      range.selectNodeContents(element);
      const scrolls = element.closest('.scroll, .code, .log, .grid, .map, pre, textarea, [tabindex="0"]');
      if (!scrolls && range.getBoundingClientRect().right > document.documentElement.clientWidth + 1) {
        faults.push(`beyond the edge: ${element.tagName} ${element.className}: ${element.textContent.trim().slice(0, 60)}`);
      }
    }
  }
  return faults;
}

describe('every route', () => {
  const show = useShow({ ran: true });
  for (const [size, viewport] of Object.entries({ projector: PROJECTOR, phone: PHONE, desktop: DESKTOP })) {
    it(`reads well on a ${size}, light and dark`, async () => {
      // What is not there answers 404, which Chromium also writes to the console.
      const page = await show.browser.newPage({ origin: show.server.url, viewport, expected: [/404/] });
      const faults = [];
      for (const { path, status } of await addresses(show.server.url)) {
        const response = await show.go(page, path);
        assert.equal(response.status(), status, path);
        await page.getByRole('heading', { level: 1 }).first().waitFor();
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (sideways > 0) faults.push(`${path} scrolls sideways by ${sideways} px`);
        for (const fault of await page.evaluate(cutOff)) faults.push(`${path}: ${fault}`);
        if ((await page.locator('.btn.primary').count()) > 1) faults.push(`${path} has more than one primary button`);
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme });
          await page.picture(`${fileName(path)}-${size}-${colorScheme}`);
        }
      }
      assert.deepEqual(faults, []);
      await show.close(page);
    });
  }
});
