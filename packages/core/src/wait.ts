import { aborted, nobodyAsks } from './abort';
import { DeadlineExceeded } from './errors';
import { type Runtime } from './runtime';

/** How long to wait, and who may end it sooner. */
export interface Wait {
  /** Rejects the wait with its reason; what is waited for goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; for ever unless given. Then the wait rejects with `DeadlineExceeded`. */
  readonly timeoutMs?: number | undefined;
}

export async function within<T>(
  work: Promise<T>,
  { signal, timeoutMs }: Wait,
  runtime: Runtime,
  what: string,
): Promise<T> {
  const over = new AbortController();
  const timeout = async (ms: number): Promise<never> => {
    await runtime.sleep(ms, over.signal);
    throw new DeadlineExceeded(`${what}: not within ${ms} ms`);
  };
  const either = [work, ...(signal ? [aborted(AbortSignal.any([signal, over.signal]))] : [])];
  try {
    return await Promise.race(timeoutMs === undefined ? either : [...either, timeout(timeoutMs)]);
  } finally {
    over.abort(nobodyAsks);
  }
}
