import { coalesced } from '../src/feed-coalesce';
import { until } from './until';

const never = new AbortController().signal;

/** Work whose calls end when told. */
function controlled() {
  const calls: { readonly signal: AbortSignal; end(value: number): void; fail(error: Error): void }[] = [];
  const ask = coalesced(
    (signal) =>
      new Promise<number>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        calls.push({ signal, end: resolve, fail: reject });
      }),
  );
  return { ask, calls };
}

describe('coalesced', () => {
  it('shares the next call among those who come while one is under way, and never that one', async () => {
    const { ask, calls } = controlled();
    const first = ask(never);
    await until(() => calls.length === 1, 'the first call');
    const others = [ask(never), ask(never), ask(never)];
    calls[0]?.end(1);
    expect(await first).toBe(1);
    await until(() => calls.length === 2, 'the second call');
    const late = ask(never);
    calls[1]?.end(2);
    expect(await Promise.all(others)).toEqual([2, 2, 2]);
    await until(() => calls.length === 3, 'the third call');
    calls[2]?.end(3);
    expect(await late).toBe(3);
  });

  it('aborts a call only when nobody waits for it any more', async () => {
    const { ask, calls } = controlled();
    const [a, b] = [new AbortController(), new AbortController()];
    const asked = [ask(a.signal), ask(b.signal)].map((p) => p.catch(() => 'aborted'));
    await until(() => calls.length === 1, 'the call');
    a.abort();
    expect(await asked[0]).toBe('aborted');
    expect(calls[0]?.signal.aborted).toBe(false);
    b.abort();
    expect(await asked[1]).toBe('aborted');
    expect(calls[0]?.signal.aborted).toBe(true);
  });

  it('gives each caller the error, and starts anew after it', async () => {
    const { ask, calls } = controlled();
    const asked = [ask(never), ask(never)].map((p) => p.catch((e: unknown) => e));
    await until(() => calls.length === 1, 'the call');
    const error = new Error('no');
    calls[0]?.fail(error);
    expect(await Promise.all(asked)).toEqual([error, error]);
    const again = ask(never);
    await until(() => calls.length === 2, 'the next call');
    calls[1]?.end(4);
    expect(await again).toBe(4);
  });

  it('does not hand an aborted call to who comes after the abort', async () => {
    const { ask, calls } = controlled();
    const first = ask(never);
    await until(() => calls.length === 1, 'the first call');
    const gone = new AbortController();
    const dropped = ask(gone.signal).catch(() => 'aborted');
    gone.abort();
    expect(await dropped).toBe('aborted');
    const next = ask(never);
    calls[0]?.end(1);
    await first;
    await until(() => calls.some(({ signal }, i) => i > 0 && !signal.aborted), 'a call of its own');
    calls.find(({ signal }, i) => i > 0 && !signal.aborted)?.end(2);
    expect(await next).toBe(2);
  });
});
