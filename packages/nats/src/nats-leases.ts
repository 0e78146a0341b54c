import { InvalidConfiguration, type Lease, type LeaseStore, type LeaseWrite } from '@tidemark/core';
import { Bucket, type BucketEntry } from './bucket';
import { type Connecting, Link } from './connection';
import { JetStream } from './jetstream';
import { keyOf, partIn } from './kv-key';

export interface NatsLeasesOptions {
  /**
   * A connection of `nats` 2.29 or `@nats-io/transport-node` 3.3, which stays yours (connect with `maxReconnectAttempts: -1`), or a
   * function that makes one, which is the store's: closed with it, and made anew when it has ended.
   */
  readonly connection: Connecting;
  /** A KV bucket; made by the first write where there is none. It may hold other things as well, positions of `natsLog` for one. */
  readonly bucket: string;
  /** Tells stores in one bucket apart, default `leases`: give each pipeline its own. */
  readonly name?: string | undefined;
  /** Servers of a cluster that keep a copy of a bucket that is made here; default 1. */
  readonly replicas?: number | undefined;
}

/**
 * Leases in a KV bucket, for `share`: a key for each, written by compare-and-set. Rejects with `Unavailable` while NATS doesn't answer,
 * and with `InvalidConfiguration` where the bucket may forget what it holds. Disposing ends the connection where the store has made it.
 *
 * @example
 * natsLog({ connection, topics, share: { leases: natsLeases({ connection, bucket: 'tidemark', name: 'assignments' }) } })
 */
export function natsLeases(options: NatsLeasesOptions): LeaseStore & AsyncDisposable {
  const link = new Link(options.connection);
  const leases = new NatsLeases(
    new Bucket(new JetStream(link), options.bucket, options.replicas),
    options.name ?? 'leases',
  );
  return {
    list: () => leases.list(),
    write: (writes) => leases.write(writes),
    remove: (seen) => leases.remove(seen),
    [Symbol.asyncDispose]: () => link.close(),
  };
}

class NatsLeases implements LeaseStore {
  private readonly prefix: string;

  constructor(
    private readonly bucket: Bucket,
    private readonly name: string,
  ) {
    this.prefix = keyOf('leases', name);
  }

  async list(): Promise<readonly Lease[]> {
    return [...(await this.bucket.list(this.prefix))].flatMap(([token, { value }]) => {
      const key = partIn(token);
      return key === undefined ? [] : [this.leaseIn(key, value)];
    });
  }

  /** Side by side, but those of one key after each other. */
  async write(writes: readonly LeaseWrite[]): Promise<readonly boolean[]> {
    const last = new Map<string, Promise<boolean>>();
    const writing = writes.map(({ next, seen }) => {
      const { key, owner, counter } = next;
      const value = JSON.stringify({ owner, counter });
      const written = (last.get(key) ?? Promise.resolve()).then(() => this.replace(key, seen, value));
      last.set(key, written);
      return written;
    });
    await Promise.allSettled(writing); // nothing is under way when it rejects
    return Promise.all(writing);
  }

  remove(seen: Lease): Promise<boolean> {
    return this.replace(seen.key, seen, null);
  }

  /** False, too, where it was done unseen and somebody else has changed the lease since: it stands as others have written it. */
  private async replace(key: string, seen: Lease | undefined, value: string | null): Promise<boolean> {
    const place = keyOf('leases', this.name, key);
    for (;;) {
      const entry = await this.bucket.get(place);
      if (!this.isAsSeen(key, entry, seen)) return false;
      const written = await this.bucket.write(place, value, entry?.revision ?? 0);
      if (typeof written === 'number') return true;
    }
  }

  private isAsSeen(key: string, entry: BucketEntry | undefined, seen: Lease | undefined): boolean {
    const stored = entry?.value === undefined ? undefined : this.leaseIn(key, entry.value);
    return stored?.owner === seen?.owner && stored?.counter === seen?.counter;
  }

  private leaseIn(key: string, value: string): Lease {
    try {
      const { owner, counter } = JSON.parse(value) as { readonly owner?: unknown; readonly counter?: unknown };
      if ((owner === undefined || typeof owner === 'string') && typeof counter === 'number')
        return { key, owner, counter };
    } catch {
      // told below
    }
    throw new InvalidConfiguration(
      `bucket ${this.bucket.name} holds something else among the leases ${JSON.stringify(this.name)}; give them another name or bucket`,
    );
  }
}
