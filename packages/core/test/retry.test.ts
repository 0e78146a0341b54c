import fc from 'fast-check';
import { MalformedPosition, type Runtime, Unavailable } from '../src';
import { aborted, orAborted } from '../src/abort';
import { asError, backoffMs, defaultBackoff, isRetryable, retrying } from '../src/retry';

/** Time that passes at once, and is written down. */
function clock() {
  const pauses: number[] = [];
  const runtime: Runtime = {
    now: () => 0,
    wallClock: () => 0,
    random: () => 0.5,
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      pauses.push(ms);
    },
  };
  return { runtime, pauses };
}

/** Work that fails with these, one after the other, and then succeeds. */
const failing = (...errors: unknown[]) => {
  const left = [...errors];
  return async () => {
    if (left.length > 0) throw left.shift();
    return 'done';
  };
};

describe('backoffMs', () => {
  it('doubles up to its maximum, with full jitter', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map((attempt) => backoffMs(defaultBackoff, attempt, () => 1))).toEqual([
      200, 400, 800, 1600, 3200, 5000, 5000,
    ]);
    expect(backoffMs(defaultBackoff, 3, () => 0)).toBe(0);
  });

  it('stays within its bounds for any attempt', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
        const ms = backoffMs(defaultBackoff, attempt, () => random);
        expect(ms >= 0 && ms < defaultBackoff.maxMs).toBe(true);
      }),
    );
  });
});

describe('retrying', () => {
  const { signal } = new AbortController();

  it('goes over what may pass, telling each, with growing pauses', async () => {
    const { runtime, pauses } = clock();
    const told: Error[] = [];
    const errors = [new Unavailable('down'), new Error('driver'), 'a string'];
    const result = await retrying(failing(...errors), { runtime, signal, onTrouble: (error) => told.push(error) });
    expect(result).toBe('done');
    expect(told.map(({ message }) => message)).toEqual(['down', 'driver', 'a string']);
    expect(pauses).toEqual([100, 200, 400]);
  });

  it.each([new MalformedPosition('wrong'), new ReferenceError('x is not defined'), new TypeError('not a function')])(
    'throws at once what would fail again: %s',
    async (wrong) => {
      const { runtime, pauses } = clock();
      await expect(retrying(failing(wrong), { runtime, signal })).rejects.toBe(wrong);
      expect(pauses).toEqual([]);
    },
  );

  it('goes over a failed fetch, which is a TypeError with a cause', () => {
    expect(isRetryable(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }))).toBe(true);
  });

  it('does nothing once aborted', async () => {
    const { runtime } = clock();
    const reason = new Error('stop');
    const work = jest.fn(failing());
    await expect(retrying(work, { runtime, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(work).not.toHaveBeenCalled();
  });

  it('ends with the abort, not with the error that the abort caused', async () => {
    const { runtime } = clock();
    const abort = new AbortController();
    const told = jest.fn();
    const work = async () => {
      abort.abort(new Error('stop'));
      throw new Error('connection closed');
    };
    await expect(retrying(work, { runtime, signal: abort.signal, onTrouble: told })).rejects.toThrow('stop');
    expect(told).not.toHaveBeenCalled();
  });

  it('ends in mid-pause when aborted', async () => {
    const { runtime } = clock();
    const abort = new AbortController();
    const onTrouble = () => abort.abort(new Error('stop'));
    await expect(retrying(failing(new Error('x')), { runtime, signal: abort.signal, onTrouble })).rejects.toThrow(
      'stop',
    );
  });
});

it('takes a driver’s errors to be passing, and ours as they say', () => {
  expect(isRetryable(new Error('ECONNRESET'))).toBe(true);
  expect(isRetryable(new Unavailable('down'))).toBe(true);
  expect(isRetryable(new MalformedPosition('wrong'))).toBe(false);
  expect(asError('text')).toMatchObject({ message: 'text' });
});

describe('orAborted', () => {
  it('is the work’s outcome while nothing aborts', async () => {
    const { signal } = new AbortController();
    await expect(orAborted(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(orAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  });

  it('rejects with the reason, before and during the work, and leaves no listener behind', async () => {
    const reason = new Error('stop');
    await expect(orAborted(Promise.resolve(1), AbortSignal.abort(reason))).rejects.toBe(reason);
    const abort = new AbortController();
    const removed = jest.spyOn(abort.signal, 'removeEventListener');
    await orAborted(Promise.resolve(1), abort.signal);
    await new Promise((resolve) => setImmediate(resolve));
    expect(removed).toHaveBeenCalledTimes(1);
    const waiting = aborted(abort.signal);
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it('swallows the work’s later rejection', async () => {
    let reject: (error: Error) => void = () => undefined;
    const work = new Promise<never>((_, no) => (reject = no));
    const waiting = orAborted(work, AbortSignal.abort(new Error('stop')));
    await expect(waiting).rejects.toThrow('stop');
    reject(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
