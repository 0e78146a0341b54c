import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Channel } from './channel';
import { InvalidConfiguration } from './errors';
import { type AssignmentChange, LeaseHolder } from './lease-holder';
import { type LeaseStore } from './lease-store';
import { type Assignments, type Description } from './paged-log';
import { type Runtime } from './runtime';

/**
 * Several instances divide the partitions of a log by leases (KCL 2's algorithm). Give all of them one store and the same times. It
 * only spreads the work: the replica's compare-and-set protects the data, whatever becomes of a lease.
 */
export interface ShareOptions {
  /** Where the leases are: `sqliteLeases(db)`, `memoryLeases()`. One store for each pipeline. */
  readonly leases: LeaseStore;
  /** This instance's name in the store, for people; a random end is added. Default host name and process id. */
  readonly owner?: string | undefined;
  /** An instance is taken for dead when its leases have stood still for this long, as seen here, in milliseconds. Default 10,000. */
  readonly expiryMs?: number | undefined;
  /** How often the leases are looked at and renewed, in milliseconds. Default 3,000; at most a third of `expiryMs`. */
  readonly renewMs?: number | undefined;
}

/** The assignments of one instance: it joins at the first pull, and gives its leases back at the end. */
export function shared(
  { leases, owner, expiryMs = 10_000, renewMs = 3_000 }: ShareOptions,
  { runtime, describeMs }: { readonly runtime: Runtime; readonly describeMs: number },
): Assignments {
  if (!(renewMs > 0 && renewMs * 3 <= expiryMs))
    throw new InvalidConfiguration(
      `share: renewMs is ${renewMs}, expiryMs ${expiryMs}; a lease must be renewed three times before it expires`,
    );
  return async function* (describe, signal, trouble) {
    const changes = new Channel<AssignmentChange>();
    const over = new AbortController();
    const until = over.signal;
    const onAbort = () => {
      over.abort(signal.reason);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const me = `${owner ?? `${hostname()}/${process.pid}`}#${randomUUID()}`;
    const tell = (change: AssignmentChange): void => {
      changes.push(change);
    };
    const holder = new LeaseHolder({ leases, me, expiryMs, runtime, tell, trouble });
    const fail = (error: unknown): void => {
      if (!until.aborted) changes.fail(error);
      changes.drop(() => until.aborted);
      changes.end();
    };
    const working = work(holder, tell, fail, { describe, describeMs, renewMs, runtime, signal: until }).catch(fail);
    try {
      yield* changes;
    } finally {
      signal.removeEventListener('abort', onAbort);
      over.abort();
      await leaving(holder, working, { runtime, renewMs });
    }
  };
}

interface Work {
  readonly describe: (signal: AbortSignal) => Promise<Description>;
  readonly describeMs: number;
  readonly renewMs: number;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
}

/**
 * Three loops, none of which waits for another or for whoever takes the changes: the log's partitions, the leases, and an eye on the
 * time since the last renewal. So leases are renewed while the log is away or nothing is acknowledged, and let go of while the
 * store hangs. Resolves when all three have ended.
 */
async function work(
  holder: LeaseHolder,
  tell: (change: AssignmentChange) => void,
  fail: (error: unknown) => void,
  { describe, describeMs, renewMs, runtime, signal }: Work,
): Promise<void> {
  let wake: () => void = () => undefined;
  const listing = async (): Promise<never> => {
    for (;;) {
      await runtime.sleep(describeMs, signal);
      if (holder.list(await describe(signal))) wake();
    }
  };
  const renewing = async (): Promise<never> => {
    for (let first = true; ; first = false) {
      const listedAnew = new Promise<void>((resolve) => (wake = resolve));
      await holder.round(signal);
      signal.throwIfAborted();
      if (first) tell({ assigned: [], revoked: [] }); // it has joined, whether there is anything for it or not
      const pause = renewMs * (0.75 + runtime.random() / 4); // or all instances would look at the same time
      await Promise.race([runtime.sleep(pause, signal), listedAnew]);
    }
  };
  const watching = async (): Promise<never> => {
    for (;;) {
      await runtime.sleep(renewMs / 3, signal);
      holder.lapse();
    }
  };
  holder.list(await describe(signal));
  await Promise.all([listing(), renewing(), watching()].map((loop) => loop.catch(fail)));
}

/** Gives back what is held, so that nobody needs to wait for its expiry. A store that hangs isn't waited for. */
async function leaving(
  holder: LeaseHolder,
  working: Promise<void>,
  { runtime, renewMs }: { readonly runtime: Runtime; readonly renewMs: number },
): Promise<void> {
  const left = new AbortController();
  const late = runtime.sleep(renewMs, left.signal).catch(() => undefined);
  await Promise.race([working.then(() => holder.giveBack()), late]);
  left.abort();
}
