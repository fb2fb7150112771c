// A test reporter: at the very end, one line for each test that failed, in the order in which they did: the first is often the cause.
import { basename } from 'node:path';

export default async function* failed(events) {
  const lines = [];
  for await (const { type, data } of events) {
    const error = data?.details?.error;
    // A suite fails because a test in it did.
    if (type !== 'test:fail' || error?.failureType === 'subtestsFailed') continue;
    const message = String(error?.cause?.message ?? error?.message ?? 'no message').replace(/\s+/g, ' ').slice(0, 300);
    lines.push(`failed: ${basename(data.file ?? '')}:${data.line ?? 0} ${data.name}: ${message}\n`);
  }
  yield* lines;
}
