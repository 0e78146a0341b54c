import { SyncError } from './errors';
import { type Runtime } from './runtime';

/** Exponential back-off with full jitter: the k-th pause is random in [0, min(maxMs, baseMs · 2^k)). */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

export const defaultBackoff: Backoff = { baseMs: 100, maxMs: 5_000 };

/** The pause before attempt `attempt` (1 = the first repetition), in milliseconds. */
export const backoffMs = ({ baseMs, maxMs }: Backoff, attempt: number, random: () => number): number =>
  random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));

/** Is it worth doing again? What isn't a `SyncError` came from a driver and may pass, unless it is a defect in somebody's code. */
export const isRetryable = (error: unknown): boolean =>
  error instanceof SyncError ? error.retryable : !isDefect(error);

/** What JavaScript itself throws would be thrown again. (A `TypeError` with a cause is how `fetch` tells that the network failed.) */
const isDefect = (error: unknown): boolean =>
  error instanceof Error &&
  error.cause === undefined &&
  ['ReferenceError', 'TypeError', 'RangeError', 'SyntaxError'].includes(error.name);

/** Does `work` until it succeeds, the signal aborts, or the error isn't retryable; tells each error that it goes over. */
export async function retrying<T>(
  work: () => Promise<T>,
  context: {
    readonly runtime: Runtime;
    readonly signal: AbortSignal;
    readonly backoff?: Backoff | undefined;
    readonly onTrouble?: ((error: Error) => void) | undefined;
  },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    context.signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      context.signal.throwIfAborted();
      if (!isRetryable(error)) throw error;
      context.onTrouble?.(asError(error));
      await context.runtime.sleep(
        backoffMs(context.backoff ?? defaultBackoff, attempt, context.runtime.random),
        context.signal,
      );
    }
  }
}

export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
