import { type NewRecord } from '@tidemark/core';
import { memoryLog, type MemoryLog } from '@tidemark/memory';
import { type TransportFeatures, type TransportFixture, transportContract } from '@tidemark/testkit';

interface Fixture extends TransportFixture<'orders'> {
  readonly log: MemoryLog<'orders'>;
}

const open = (group?: string) => async (): Promise<Fixture> => {
  const log = memoryLog({ topics: { orders: { partitions: 3, keepMs: week } }, group });
  return {
    log,
    client: () => log.member(),
    publish: (records) => log.publish('orders', records),
    close: async () => log[Symbol.asyncDispose](),
  };
};

const features: TransportFeatures<'orders', Fixture> = {
  trim: ({ log }) => log.trim('orders'),
  recreate: ({ log }) => log.recreate('orders'),
  recreateWhileReading: ({ log }) => log.recreate('orders'),
  shorten: ({ log }) => log.truncate('orders', 1),
  rewrite: async ({ log }) => {
    log.truncate('orders', 1);
    await log.publish('orders', other);
  },
  grow: ({ log }) => log.grow('orders', 5),
  tellsRetention: () => week,
  gap: ({ log }) => log.gap('orders', 3),
  outage: ({ log }) => log.outage(),
  publisher: ({ log }) => log,
  locator: ({ log }) => log,
};

const week = 604_800_000;

/** One more record for every partition, unlike those of the suite. */
const other = Array.from({ length: 16 }, (_, i): NewRecord => ({ key: `key-${i}`, value: 'another history' }));

transportContract({ describe, it }, { name: 'memoryLog', topic: 'orders', reads: 'all', open: open(), features });
transportContract(
  { describe, it },
  { name: 'memoryLog in a group', topic: 'orders', reads: 'share', open: open('g'), features },
);
