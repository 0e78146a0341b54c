import { DeadlineExceeded } from '@tidemark/core';
import { setTimeout as delay } from 'node:timers/promises';

/** How long the suites wait for something that must happen, in milliseconds. */
const deadline = 15_000;

/**
 * Waits until `condition` answers something true, and returns that. `what` says in the error what was waited for. Throws
 * `DeadlineExceeded` after `deadlineMs` (default 15 s); what `condition` throws passes through.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  what: string,
  deadlineMs = deadline,
): Promise<Exclude<Awaited<T>, false | null | undefined>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined)
      return value as Exclude<Awaited<T>, false | null | undefined>;
    if (performance.now() > end) throw new DeadlineExceeded(`${what}: not within ${deadlineMs} ms`);
    await delay(2);
  }
}

/** `work`, unless it takes longer than `deadlineMs`: then `DeadlineExceeded`. */
export async function within<T>(work: Promise<T>, what: string, deadlineMs = deadline): Promise<T> {
  const over = new AbortController();
  const late = delay(deadlineMs, undefined, { signal: over.signal }).then(() => {
    throw new DeadlineExceeded(`${what}: not within ${deadlineMs} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

/** Time for something that must not happen to happen all the same. Too short could only miss a fault, never invent one. */
export const quietTime = (): Promise<void> => delay(120);
