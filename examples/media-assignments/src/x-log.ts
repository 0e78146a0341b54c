import { type SnapshotSource, type Transport } from '@tidemark/core';
import { httpFeed, httpSnapshot } from '@tidemark/http';
import { type Broker, brokerLog, type Membership } from '@tidemark-examples/support';

/** Where Y is: its URL, and the broker that has its updates unless Y serves them itself. */
export interface WhereYIs {
  readonly url: string;
  readonly broker?: (Broker & Membership) | undefined;
}

/** What X follows. */
export interface Followed {
  readonly snapshot: SnapshotSource;
  readonly transport: Transport<'assignments'>;
  readonly close: () => Promise<void>;
}

/** The one module of X's that names a log: a broker's, or Y's feed over HTTP. Snapshots come from Y in any case. */
export function followY({ url, broker }: WhereYIs): Followed {
  const snapshot = httpSnapshot(new URL('/snapshot', url));
  if (broker === undefined) {
    const transport = httpFeed(new URL('/feed/', url), { topics: ['assignments'] });
    return { snapshot, transport, close: async () => undefined };
  }
  const log = brokerLog(broker, 'assignments', broker);
  return { snapshot, transport: log, close: async () => log[Symbol.asyncDispose]() };
}
