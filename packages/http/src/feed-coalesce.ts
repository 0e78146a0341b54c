import { orAborted } from '@tidemark/core';

/**
 * Many callers, few calls: who asks while a call is under way shares the *next* one, so that every answer was asked for after
 * its caller came. A call that nobody waits for any more is aborted.
 */
export function coalesced<T>(work: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let running: Promise<unknown> | undefined;
  let next: Round<T> | undefined;

  const round = (): Round<T> => {
    const call = new AbortController();
    const before = running ?? Promise.resolve();
    const result = before.then(() => {
      next = undefined;
      const started = work(call.signal);
      const over = started.then(
        () => undefined,
        () => undefined,
      );
      running = over;
      void over.then(() => {
        if (running === over) running = undefined;
      });
      return started;
    });
    result.catch(() => undefined); // each caller sees the rejection itself
    return { call, result, callers: 0 };
  };

  return async (signal) => {
    const mine = (next ??= round());
    mine.callers++;
    try {
      return await orAborted(mine.result, signal);
    } finally {
      if (--mine.callers === 0) {
        mine.call.abort();
        if (next === mine) next = undefined;
      }
    }
  };
}

interface Round<T> {
  readonly call: AbortController;
  readonly result: Promise<T>;
  callers: number;
}
