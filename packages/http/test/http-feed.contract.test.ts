import { type NewRecord } from '@tidemark/core';
import { type MemoryLog, memoryLog } from '@tidemark/memory';
import { transportContract, type TransportFeatures, type TransportFixture } from '@tidemark/testkit';
import { httpFeed } from '../src/http-feed';
import { serveFeed } from '../src/serve-feed';
import { listen } from './listen';

interface Fixture extends TransportFixture<'orders'> {
  readonly log: MemoryLog<'orders'>;
}

/** An in-memory log, served and followed through a real socket. */
const open = (mode: 'long-poll' | 'sse') => async (): Promise<Fixture> => {
  const log = memoryLog({ topics: { orders: { partitions: 3, keepMs: week } } });
  const server = await listen(serveFeed(log));
  return {
    log,
    client: () => httpFeed(`${server.url}/feed`, { topics: ['orders'], mode }),
    publish: (records) => log.publish('orders', records),
    close: async () => {
      await server[Symbol.asyncDispose]();
    },
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
  // the log's own: a feed's positions are the log's
  publisher: ({ log }) => log,
  locator: ({ log }) => log,
};

const week = 604_800_000;

/** One more record for every partition, unlike those of the suite. */
const other = Array.from({ length: 16 }, (_, i): NewRecord => ({ key: `key-${i}`, value: 'another history' }));

for (const mode of ['long-poll', 'sse'] as const)
  transportContract(
    { describe, it },
    { name: `httpFeed by ${mode}`, topic: 'orders', reads: 'all', open: open(mode), features },
  );
