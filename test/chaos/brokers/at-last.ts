import { setTimeout as pause } from 'node:timers/promises';

/** The broker may be down, or just have come back. */
export async function atLast<R>(work: () => Promise<R>): Promise<R> {
  for (const end = performance.now() + 60_000; ; await pause(100))
    try {
      return await work();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
}
