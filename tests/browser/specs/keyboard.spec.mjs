// Tab goes through every page in reading order: the skip link first, and what is to be pressed right after the bar.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PHONE, PROJECTOR } from '../lib/browser.mjs';
import { addresses } from '../lib/routes.mjs';
import { useShow } from '../lib/show.mjs';

/** More stops than this are not looked at: long lists repeat themselves. */
const STOPS = 60;

/** In the page: what has the focus. */
function focused() {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const all = [...document.querySelectorAll('*')];
  const box = element.getBoundingClientRect();
  return {
    order: all.indexOf(element),
    name: `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className} ${(element.getAttribute('aria-label') ?? element.textContent).trim().slice(0, 40)}`,
    skip: element.matches('a.skip'),
    primary: element.matches('.btn.primary'),
    bar: element.closest('.topbar') !== null,
    // The second row of the show page's bar.
    clock: element.closest('.clock') !== null,
    // Beside the heading by position, after the button by reading order; tables of the lineage stand side by side.
    placed: element.closest('.step-nav, .graph') !== null,
    main: element.closest('main') !== null,
    top: box.top + scrollY,
    bottom: box.bottom + scrollY,
    outlined: element.matches('a.skip') || getComputedStyle(element).outlineStyle !== 'none',
  };
}

describe('the keyboard', () => {
  const show = useShow({ ran: true });
  for (const [size, viewport] of Object.entries({ projector: PROJECTOR, phone: PHONE })) {
    it(`goes through every page in reading order on a ${size}`, async () => {
      const page = await show.browser.newPage({ origin: show.server.url, viewport, expected: [/404/] });
      const faults = [];
      for (const { path } of await addresses(show.server.url)) {
        await show.go(page, path);
        const primary = await page.locator('.btn.primary').count();
        const stops = [];
        while (stops.length < STOPS) {
          await page.keyboard.press('Tab');
          const stop = await page.evaluate(focused);
          if (!stop || stops.some((before) => before.order === stop.order)) break;
          stops.push(stop);
        }
        const fault = (text) => faults.push(`${path}: ${text}`);
        if (!stops[0]?.skip) fault(`the first stop is ${stops[0]?.name}, not the skip link`);
        for (const stop of stops.filter((stop) => !stop.outlined)) fault(`no outline: ${stop.name}`);
        for (const [index, stop] of stops.slice(1).entries()) {
          const before = stops[index];
          if (stop.order < before.order) fault(`${stop.name} comes after ${before.name}, which it precedes in the document`);
          // On a phone everything stands in one column.
          const upwards = stop.main && before.main && !stop.placed && !before.placed && stop.bottom <= before.top;
          if (size === 'phone' && upwards) fault(`${stop.name} comes after ${before.name}, and stands above it`);
        }
        const first = stops.find((stop) => !stop.skip && !stop.bar && !stop.clock);
        const presses = path === '/' || path.startsWith('/?step=2');
        if (presses && primary && !first?.primary) fault(`the first stop after the bar is ${first?.name}`);
        // The skip link leads past the bar.
        await page.locator('a.skip').focus();
        await page.keyboard.press('Enter');
        await page.keyboard.press('Tab');
        const landed = await page.evaluate(focused);
        if (landed?.bar || landed?.skip) fault(`the skip link leads to ${landed.name}`);
      }
      assert.deepEqual(faults, []);
      await show.close(page);
    });
  }
});
