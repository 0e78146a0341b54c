import { setTimeout as delay } from 'node:timers/promises';

/** Where tests and the simulator inject time and chance. */
export interface Runtime {
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Milliseconds since the Unix epoch, for the ages of records and nothing else: it may go back, and differ from others'. */
  readonly wallClock: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export const systemRuntime: Runtime = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  random: Math.random,
  sleep: (ms, signal) => delay(ms, undefined, { signal }),
};
