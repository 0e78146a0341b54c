import {
  beginning,
  type Description,
  type Lease,
  type LeaseStore,
  type Partition,
  partitionKey,
  type Runtime,
} from '../../src';
import { shared } from '../../src/share';

/** One instance under the world's clock: it can die (nothing of it goes on) or freeze (everything of it goes on later). */
export class Instance {
  state: 'alive' | 'frozen' | 'dead' = 'alive';
  readonly has = new Set<string>();
  readonly troubles: Error[] = [];
  /** Every change it was told, for people. */
  readonly told: string[] = [];
  readonly late: (() => void)[] = [];
  readonly stop = new AbortController();
  done: Promise<void> = Promise.resolve();
  failed: unknown;
}

export const times = { expiryMs: 10_000, renewMs: 3_000 };
export const latencyMs = 200;

/** Time that passes only by `advance`; instances of the real engine; a store that is some milliseconds away. */
export class World {
  now = 0;
  partitions: readonly Partition[];
  epoch = 'e1';
  /** Rejects or holds back the store's answers while set. */
  outage: (() => Promise<void>) | undefined;
  readonly instances: Instance[] = [];
  readonly leases = new Map<string, Lease>();
  readonly faults: string[] = [];
  private timers: { readonly at: number; readonly instance: Instance; readonly fire: () => void }[] = [];
  private readonly foreignSince = new Map<string, number>();

  constructor(
    partitions: number,
    private readonly random: () => number,
  ) {
    this.partitions = this.some(partitions);
  }

  some(count: number): readonly Partition[] {
    return Array.from({ length: count }, (_, i) => ({ topic: 't', partition: String(i) }));
  }

  join(): Instance {
    const instance = new Instance();
    this.instances.push(instance);
    const runtime: Runtime = {
      now: () => this.now,
      wallClock: () => this.now,
      random: this.random,
      sleep: (ms, signal) => this.sleep(instance, ms, signal),
    };
    const store = this.storeOf(runtime);
    const assignments = shared(
      { leases: store, owner: `i${this.instances.length}`, ...times },
      { runtime, describeMs: 1_000 },
    );
    const describe = (): Promise<Description> => Promise.resolve(this.description());
    const trouble = (error: Error) => void instance.troubles.push(error);
    const read = async (): Promise<void> => {
      for await (const { assigned, revoked } of assignments(describe, instance.stop.signal, trouble)) {
        for (const partition of revoked) {
          if (!instance.has.delete(partitionKey(partition))) this.faults.push('revoked what it did not have');
        }
        for (const partition of assigned) {
          if (instance.has.has(partitionKey(partition))) this.faults.push('assigned what it had');
          instance.has.add(partitionKey(partition));
        }
        instance.told.push(`+${assigned.length} -${revoked.length}`);
      }
      instance.has.clear();
    };
    instance.done = read().catch((error: unknown) => {
      instance.failed = error;
      instance.has.clear();
    });
    return instance;
  }

  die(instance: Instance): void {
    instance.state = 'dead';
    instance.has.clear();
  }

  freeze(instance: Instance): void {
    if (instance.state === 'alive') instance.state = 'frozen';
  }

  thaw(instance: Instance): void {
    if (instance.state !== 'frozen') return;
    instance.state = 'alive';
    for (const go of instance.late.splice(0)) go();
  }

  /** Lets this much time pass, timer by timer. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await settled();
      this.check();
      this.timers.sort((a, b) => a.at - b.at);
      const [first] = this.timers;
      if (first === undefined || first.at > end) break;
      this.timers.shift();
      this.now = Math.max(this.now, first.at);
      if (first.instance.state === 'frozen') first.instance.late.push(first.fire);
      else if (first.instance.state === 'alive') first.fire();
    }
    this.now = end;
  }

  living(): Instance[] {
    return this.instances.filter(({ state, stop }) => state === 'alive' && !stop.signal.aborted);
  }

  /** Each partition → how many of the living read it. */
  readers(): number[] {
    return this.partitions.map((p) => this.living().filter(({ has }) => has.has(partitionKey(p))).length);
  }

  private description(): Description {
    const source = { kind: 'toy', order: 'decimal' as const, epochs: { t: this.epoch } };
    return {
      source,
      partitions: this.partitions.map((p) => ({ ...p, trimmed: beginning, head: beginning })),
    };
  }

  private sleep(instance: Instance, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = () => {
        reject(signal.reason as Error);
      };
      if (signal.aborted) {
        cancel();
        return;
      }
      signal.addEventListener('abort', cancel, { once: true });
      const fire = () => {
        signal.removeEventListener('abort', cancel);
        resolve();
      };
      this.timers.push({ at: this.now + ms, instance, fire });
    });
  }

  /** The store as one instance reaches it: every call takes time before and after what it does. */
  private storeOf({ sleep }: Runtime): LeaseStore {
    const never = new AbortController().signal;
    const far = async <T>(work: () => T): Promise<T> => {
      await sleep((this.random() * latencyMs) / 2, never);
      await this.outage?.();
      const result = work();
      await sleep((this.random() * latencyMs) / 2, never);
      return result;
    };
    const asSeen = (key: string, seen: Lease | undefined) =>
      this.leases.get(key)?.owner === seen?.owner && this.leases.get(key)?.counter === seen?.counter;
    return {
      list: () => far(() => [...this.leases.values()]),
      write: (writes) =>
        far(() =>
          writes.map(({ next, seen }) => {
            if (!asSeen(next.key, seen)) return false;
            if (next.counter <= (seen?.counter ?? 0)) this.faults.push('a counter went back');
            this.leases.set(next.key, next);
            return true;
          }),
        ),
      remove: (seen) => far(() => asSeen(seen.key, seen) && this.leases.delete(seen.key)),
    };
  }

  /** Whoever lives and reads a partition whose lease isn't its own lets go of it by its next renewal. */
  private check(): void {
    const owner = new Map(
      [...this.leases.values()].map((lease) => [
        (JSON.parse(lease.key) as string[]).slice(0, 2).join('/'),
        lease.owner,
      ]),
    );
    for (const [i, instance] of this.instances.entries())
      for (const { topic, partition } of this.partitions) {
        const name = `${i + 1}:${topic}/${partition}`;
        const foreign =
          instance.state === 'alive' &&
          instance.has.has(partitionKey({ topic, partition })) &&
          owner.get(`${topic}/${partition}`)?.startsWith(`i${i + 1}#`) !== true;
        if (!foreign) this.foreignSince.delete(name);
        else if (!this.foreignSince.has(name)) this.foreignSince.set(name, this.now);
        else if (this.now - (this.foreignSince.get(name) ?? 0) > times.renewMs + 4 * latencyMs)
          this.faults.push(`${name} was read for too long without its lease`);
      }
  }
}

/** Everything that can go on without time passing has gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
