import { planLeases } from './lease-plan';
import { type Lease, type LeaseStore, type LeaseWrite } from './lease-store';
import { LeaseWatch } from './lease-watch';
import { type Description } from './paged-log';
import { type Partition } from './partition';
import { asError, isRetryable } from './retry';
import { type Runtime } from './runtime';
import { epochOf, type Source } from './source';

/** What a partition's lease is called. A topic that is created anew gets other leases. */
const leaseKey = (source: Source, { topic, partition }: Partition): string =>
  JSON.stringify([topic, partition, epochOf(source, topic) ?? null]);

export interface AssignmentChange {
  readonly assigned: readonly Partition[];
  readonly revoked: readonly Partition[];
}

export interface LeaseHolderOptions {
  readonly leases: LeaseStore;
  /** This instance, as nobody else is called. */
  readonly me: string;
  readonly expiryMs: number;
  readonly runtime: Runtime;
  /** Told at once, in the order in which it happens. */
  readonly tell: (change: AssignmentChange) => void;
  /** The store failed, and is asked again in the next round. */
  readonly trouble: (error: Error) => void;
}

interface Held {
  readonly partition: Partition;
  /** As last written here. */
  readonly lease: Lease;
  /** When the write that brought it was begun. */
  readonly since: number;
}

/** One instance's leases. What the store says is looked at anew in each round, so a write whose outcome is unknown does no harm. */
export class LeaseHolder {
  private readonly watch = new LeaseWatch();
  private readonly held = new Map<string, Held>();
  private listed: ReadonlyMap<string, Partition> = new Map();

  constructor(private readonly options: LeaseHolderOptions) {}

  /** The log's partitions as they are now. True: they aren't the same as before. */
  list({ source, partitions }: Description): boolean {
    const before = this.listed;
    this.listed = new Map(
      partitions.map(({ topic, partition }) => [leaseKey(source, { topic, partition }), { topic, partition }]),
    );
    return this.listed.size !== before.size || [...this.listed.keys()].some((key) => !before.has(key));
  }

  /** Looks at all leases, renews what is held, takes what is due, removes those of partitions that are gone. */
  async round(signal: AbortSignal): Promise<void> {
    try {
      await this.look(signal);
    } catch (error) {
      if (!isRetryable(error)) throw error;
      if (!signal.aborted) this.options.trouble(asError(error));
    }
  }

  /** What wasn't renewed in time belongs to somebody else by now, for all that is known here. */
  lapse(): void {
    const { runtime, expiryMs } = this.options;
    const late = [...this.held].filter(([, { since }]) => runtime.now() - since >= expiryMs);
    this.lose(late.map(([key]) => key));
  }

  /** Lets anybody take what is held here. */
  async giveBack(): Promise<void> {
    const writes = [...this.held.values()].map(({ lease }) => ({ seen: lease, next: raised(lease, undefined) }));
    this.held.clear();
    try {
      if (writes.length > 0) await this.options.leases.write(writes);
    } catch (error) {
      this.options.trouble(asError(error)); // they expire instead
    }
  }

  /**
   * What is listed at its beginning holds for a whole round: a topic that is created anew meanwhile has other keys for the same
   * partitions, and the old ones are let go of before the new ones are taken.
   */
  private async look(signal: AbortSignal): Promise<void> {
    const { leases: store, runtime, expiryMs, me } = this.options;
    const asked = runtime.now();
    const stored = await store.list();
    const expired = this.watch.expired(stored, { asked, answered: runtime.now() }, expiryMs);
    const leases = new Map(stored.map((lease) => [lease.key, lease]));
    const { listed } = this;
    signal.throwIfAborted();

    this.lose([...this.held.keys()].filter((key) => leases.get(key)?.owner !== me || !listed.has(key)));
    const mine = stored.filter(({ key, owner }) => owner === me && listed.has(key));
    await this.write(
      mine.map((seen) => ({ seen, next: raised(seen, me) })),
      listed,
    );
    signal.throwIfAborted();
    const due = planLeases({ keys: [...listed.keys()], leases, expired, me }, runtime.random);
    await this.write(
      due.map((key) => taking(key, leases.get(key), me)),
      listed,
    );
    for (const lease of stored)
      if (!listed.has(lease.key) && (lease.owner === me || expired.has(lease.key))) await store.remove(lease);
  }

  /** What isn't held yet is assigned by being written; what is held and can't be written is lost. */
  private async write(writes: readonly LeaseWrite[], listed: ReadonlyMap<string, Partition>): Promise<void> {
    if (writes.length === 0) return;
    const since = this.options.runtime.now();
    const done = await this.options.leases.write(writes);
    const assigned: Partition[] = [];
    for (const { next } of writes.filter((_, i) => done[i] === true)) {
      const partition = listed.get(next.key);
      if (partition === undefined) continue;
      if (!this.held.has(next.key)) assigned.push(partition);
      this.held.set(next.key, { partition, lease: next, since });
    }
    if (assigned.length > 0) this.options.tell({ assigned, revoked: [] });
    this.lose(writes.filter((_, i) => done[i] !== true).map(({ next }) => next.key));
  }

  private lose(keys: readonly string[]): void {
    const revoked = keys.flatMap((key) => this.held.get(key)?.partition ?? []);
    for (const key of keys) this.held.delete(key);
    if (revoked.length > 0) this.options.tell({ assigned: [], revoked });
  }
}

const raised = ({ key, counter }: Lease, owner: string | undefined): Lease => ({ key, owner, counter: counter + 1 });

const taking = (key: string, seen: Lease | undefined, me: string): LeaseWrite => ({
  seen,
  next: seen === undefined ? { key, owner: me, counter: 1 } : raised(seen, me),
});
