import {
  type LossReason,
  orAborted,
  type Page,
  type PagedLog,
  type Partition,
  type Offset,
  systemRuntime,
} from '@tidemark/core';

/** What serving a feed needs of a log. */
export type FeedLog = Pick<PagedLog, 'topics' | 'describe' | 'page'>;

/** How long to pause at the head of a log that answers at once although it was asked to wait, in milliseconds. */
const pollMs = 50;

/** The next page with something new, or why there is none. Waits for it until the signal aborts, and then rejects. */
export async function pageWhenThere(
  log: FeedLog,
  partition: Partition,
  after: Offset,
  signal: AbortSignal,
): Promise<Page | { readonly lost: LossReason }> {
  for (;;) {
    const page = await orAborted(log.page(partition, after, { wait: true, signal }), signal);
    if ('lost' in page || page.records.length > 0 || page.through !== after) return page;
    await systemRuntime.sleep(pollMs, signal);
  }
}

/** `work`, or `undefined` once `ms` milliseconds have passed: its signal aborts then, and whenever the caller's does. */
export async function within<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const ended = new AbortController();
  const end = () => {
    ended.abort(signal.reason);
  };
  const timer = setTimeout(end, ms).unref();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    return await work(ended.signal);
  } catch (error) {
    if (ended.signal.aborted && !signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}
