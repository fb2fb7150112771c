// Every kind of address there is, in one list that all specs share. A new page gets its line here.
import { ask } from './session.mjs';

/** Addresses that answer with a page; RUN stands for the id of a run and is left out where there is none. */
const PAGES = [
  '/',
  '/?step=2.2',
  '/runs',
  '/runs/RUN',
  '/runs/RUN/calls',
  '/audience',
  '/report',
  '/report?country=United+Kingdom&map=revenue',
  '/report?from=never',
  '/lake',
  '/lake/bucket/sa-ingestion-demo-dev',
  '/lake/bronze.ga_sessions',
  '/lake/bronze.ga_sessions?tab=history',
  '/lake/bronze.ga_sessions?tab=schema',
  '/lake/bronze.ga_sessions?tab=schema&against=silver.sessions',
  '/lake/bronze.ga_sessions?tab=rows',
  '/lake/bronze.ga_sessions?tab=rows&row=1',
  '/stream',
  '/stream?still',
  '/privacy',
  '/sql',
  '/sql?saved=1',
  '/sql?q=DROP+ALL+ROW+ACCESS+POLICIES+ON+silver.sessions',
  '/policies',
  '/customers',
  '/customers?customer=customer01',
  '/datasets',
  '/customers?customer=customer01&try=1',
  '/stories',
  '/stories?delete=web-analytics',
  '/stories/web-analytics',
  '/stories/web-analytics?depth=5',
  '/upload',
  '/upload?customer=customer01&dataset=ga_sessions&date=2017-07-29',
  '/sql?q=SELECT+contry+FROM+silver.sessions',
  '/lineage',
  '/lineage?column=report.totals.revenue',
  '/lineage?column=silver.sessions.revenue&way=both&view=all',
  '/lineage?find=transactionRevenue&open=silver.sessions',
  '/lineage?column=no.such.column',
  '/lineage?run=RUN',
  '/people',
  '/settings',
  '/settings?check=google-cloud',
  '/reset',
  '/reset?scope=all',
];
/** Addresses of what is not there. */
const MISSING = ['/nowhere', '/customers?customer=none', '/upload?customer=none', '/stories/none', '/stories/none/edit', '/lineage?run=run-0000-none', '/?step=9.9', '/runs/run-0000-none'];

/** All of them at a server, each with the status that it must answer. */
export async function addresses(origin) {
  const runs = await (await ask(`${origin}/api/runs`)).json();
  // A stream is listed among the runs; the pages that are looked at are a run's.
  const run = runs.find((run) => run.id.startsWith('run-'))?.id;
  return [
    ...PAGES.filter((path) => run || !path.includes('RUN')).map((path) => ({ path: path.replace('RUN', run), status: 200 })),
    ...MISSING.map((path) => ({ path, status: 404 })),
  ];
}

/** An address as part of a file's name. */
export const fileName = (path) => `route${path.replace(/run-[^/?]+/, 'run').replace(/[^a-z0-9.]+/gi, '-')}`;
