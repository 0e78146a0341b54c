import { pagedTransport } from '@tidemark/core';
import { memoryLeases, memoryLog, type MemoryLog } from '../src';
import { leaseStoreContract, transportContract, type TransportFixture } from '@tidemark/testkit';

leaseStoreContract(
  { describe, it },
  {
    name: 'memoryLeases',
    open: async () => {
      const store = memoryLeases();
      return { client: () => store, close: () => Promise.resolve() };
    },
  },
);

interface Fixture extends TransportFixture<'orders'> {
  readonly log: MemoryLog<'orders'>;
}

const open = async (): Promise<Fixture> => {
  const log = memoryLog({ topics: { orders: { partitions: 3 } } });
  const share = { leases: memoryLeases(), expiryMs: 600, renewMs: 50 };
  return {
    log,
    client: () => pagedTransport(log, { share, describeMs: 50, pollMs: 5 }),
    publish: (records) => log.publish('orders', records),
    close: async () => log[Symbol.asyncDispose](),
  };
};

transportContract(
  { describe, it },
  {
    name: 'a log without groups, shared by leases',
    topic: 'orders',
    reads: 'share',
    open,
    features: {
      trim: ({ log }) => log.trim('orders'),
      recreate: ({ log }) => log.recreate('orders'),
      recreateWhileReading: ({ log }) => log.recreate('orders'),
      grow: ({ log }) => log.grow('orders', 5),
      outage: ({ log }) => log.outage(),
    },
  },
);
