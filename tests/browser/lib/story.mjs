// A small show: the shipped story with a short history, so that a seed takes seconds in a debug build.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SHIPPED = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'stories', 'web-analytics.toml');

/** Settings of a server that tells the shipped story with the history beginning at `from`, and small days. */
export function smallShow(from = '2017-07-10') {
  const folder = mkdtempSync(join(tmpdir(), 'showrunner-story-'));
  const story = readFileSync(SHIPPED, 'utf8').replace('from = "2017-06-01"', `from = "${from}"`);
  writeFileSync(join(folder, 'story.toml'), story);
  return { SHOWRUNNER_STORIES_DIR: folder, SHOWRUNNER_SESSIONS_PER_DAY: '80' };
}
