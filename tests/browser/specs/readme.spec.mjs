// Takes the pictures of the README anew, of the shipped story with all its data:
//   SHOWRUNNER_SCREENSHOTS=docs node tests/browser/run.mjs readme      (the folder to put them into)
// Not part of an ordinary test run, since pictures of a slow machine are no better than the old ones.
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PROJECTOR } from '../lib/browser.mjs';
import { useShow } from '../lib/show.mjs';

const FOLDER = process.env.SHOWRUNNER_SCREENSHOTS;

/** In the page: what is another in every run, times and the random part of ids, is as it was in the first picture. */
function settle() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.replace(/\b\d\d:\d\d:\d\d\b/g, '14:06:12').replace(/\b(run-\d{4})-[0-9a-f]{4}\b/g, '$1-7f3a');
    if (text !== node.data) node.data = text;
  }
}

describe('the pictures of the README', { skip: !FOLDER && 'SHOWRUNNER_SCREENSHOTS names no folder' }, () => {
  if (!FOLDER) return;
  const show = useShow({ whole: true, ran: true });
  for (const [name, path] of Object.entries({
    show: '/?step=2.2',
    report: '/report',
    lake: '/lake/bronze.ga_sessions?tab=schema&find=hits.page.pagePath',
  })) {
    it(`${name}.png`, async () => {
      const page = await show.open(path, { viewport: PROJECTOR });
      await page.getByRole('banner').getByText('Live', { exact: true }).waitFor();
      await page.evaluate(() => document.fonts.ready);
      await page.evaluate(settle);
      await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: 'disabled', caret: 'hide' });
      await show.close(page);
    });
  }
});
