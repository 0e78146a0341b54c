import { type SnapshotSource, type Transport } from '@tidemark/core';
import { httpFeed, httpSnapshot } from '@tidemark/http';
import { type Broker, brokerLog, type Membership } from '@tidemark-examples/support';

/** Where A is: its URL, and the broker that has its updates unless A serves them itself. */
export interface WhereAIs {
  readonly url: string;
  readonly broker?: (Broker & Membership) | undefined;
}

/** What B follows. */
export interface Followed {
  readonly snapshot: SnapshotSource;
  readonly transport: Transport<'files'>;
  readonly close: () => Promise<void>;
}

/** The one module of B's that names a log: a broker's, or A's feed over HTTP. Snapshots come from A in any case. */
export function followA({ url, broker }: WhereAIs): Followed {
  const snapshot = httpSnapshot(new URL('/snapshot', url));
  if (broker === undefined) {
    const transport = httpFeed(new URL('/feed/', url), { topics: ['files'] });
    return { snapshot, transport, close: async () => undefined };
  }
  const log = brokerLog(broker, 'files', broker);
  return { snapshot, transport: log, close: async () => log[Symbol.asyncDispose]() };
}
