import { snapshotOfRows } from '@tidemark/core';
import { memoryLog } from '@tidemark/memory';
import { work } from './works.mjs';

/** A memory log with `count` works, `keys` of them different. */
export async function logOfWorks({ count, partitions, keys }) {
  const log = memoryLog({ topics: { works: { partitions } } });
  for (let from = 0; from < count; from += 100_000) {
    const size = Math.min(100_000, count - from);
    const records = Array.from({ length: size }, (_, i) => {
      const value = work(from + i, keys);
      return { key: value.workId, value: JSON.stringify(value) };
    });
    await log.publish('works', records);
  }
  return log;
}

/** Nothing, at the log's beginning: everything is yet to come. */
export const nothingYet = (log) => ({
  open: async ({ scope, signal }) =>
    snapshotOfRows({
      position: await log.locate('beginning', signal),
      rows: { works: () => [] },
      reader: undefined,
      scope,
    }),
});

/** The stored records as the log hands them out, page by page, partition by partition. */
export async function pagesOf(log) {
  const { signal } = new globalThis.AbortController();
  const pages = [];
  for (const partition of (await log.describe(signal)).partitions)
    for (let after = partition.trimmed; after !== partition.head;) {
      const page = await log.page(partition, after, { wait: false, signal });
      pages.push(page.records);
      after = page.through;
    }
  return pages;
}
