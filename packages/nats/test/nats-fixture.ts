import { type Locator, type NewRecord, type Publisher } from '@tidemark/core';
import { type NatsTopic } from '@tidemark/nats';
import { crc32 } from 'node:zlib';
import { memoryLeases } from '@tidemark/memory';
import { type TransportContract, type TransportFeatures, type TransportFixture } from '@tidemark/testkit';
import { Proxy } from '../../../test/chaos/proxy';
import { type ClientName, clients } from './clients';
import { OwnStream } from './own-stream';

/** What the contract suite needs of a stream on a real server. */
export interface NatsFixture extends TransportFixture<'things'> {
  readonly log: Publisher<'things'> & Locator;
  readonly stream: OwnStream;
  readonly proxy: Proxy;
}

/** A stream is a topic, or some of its subjects are, or each of some is a partition. */
type Extent = 'whole' | 'filtered' | 'partitioned';

interface Kind {
  readonly client: ClientName;
  readonly reads: 'all' | 'share';
  readonly extent: Extent;
}

/** The suite's kinds; more of them on one server and client than on the others, or it would take minutes. */
export const kinds: readonly Omit<Kind, 'client'>[] = [
  { reads: 'all', extent: 'whole' },
  { reads: 'share', extent: 'partitioned' },
];
export const moreKinds: typeof kinds = [
  { reads: 'all', extent: 'filtered' },
  { reads: 'all', extent: 'partitioned' },
];

async function open(address: string, { client, reads, extent }: Kind): Promise<NatsFixture> {
  const stream = await OwnStream.create(address, client, { max_age: week * 1e6 });
  const proxy = await Proxy.start();
  proxy.target = Number(address.split(':')[1]);
  const leases = memoryLeases();
  const share = reads === 'share' ? { leases, expiryMs: 1_500, renewMs: 500 } : undefined;
  const topic = topicOf(stream, extent);
  const log = stream.log({ topic });
  const byHand = publisherByHand(stream);
  const publish = (records: readonly NewRecord[]) =>
    extent === 'partitioned' ? byHand(records) : log.publish('things', records);
  return {
    log,
    stream,
    proxy,
    client: () => stream.log({ topic, share, connection: () => clients[client](proxy.address) }),
    publish,
    close: async () => {
      proxy.heal();
      await stream.close();
      await proxy.stop();
    },
  };
}

const numbers = [0, 1, 2];

function topicOf(stream: OwnStream, extent: Extent): Partial<NatsTopic> | undefined {
  if (extent === 'filtered') return { subjects: [`${stream.subject}.>`] };
  if (extent === 'partitioned') return { partitions: numbers.map((number) => `${stream.subject}.${number}.>`) };
  return undefined;
}

/** Divides keys as the stream's own `subject_transform` would, which only newer servers have. */
function publisherByHand(stream: OwnStream): (records: readonly NewRecord[]) => Promise<void> {
  const logs = numbers.map((number) => stream.log({ topic: { publishTo: `${stream.subject}.${number}.*` } }));
  return async (records) => {
    for (const [number, log] of logs.entries())
      await log.publish(
        'things',
        records.filter(({ key }) => crc32(key) % numbers.length === number),
      );
  };
}

const week = 604_800_000;

const features: TransportFeatures<'things', NatsFixture> = {
  trim: ({ stream }) => stream.purge(),
  recreate: ({ stream }) => stream.recreate(),
  recreateWhileReading: ({ stream }) => stream.recreate(),
  outage: ({ proxy }) => {
    proxy.blackHole();
    proxy.cut();
    return () => {
      proxy.heal();
    };
  },
  tellsRetention: () => week,
  publisher: ({ log }) => log,
  locator: ({ log }) => log,
};

/** What one of the two extents can show. */
const own: { readonly [E in Extent]: TransportFeatures<'things', NatsFixture> } = {
  whole: { publishWithoutKey: ({ stream }, value) => stream.publish(stream.subject, value) },
  // whether what retention removed was a partition's own, nobody can tell: it has expired then
  partitioned: {
    trim: undefined,
    publisher: undefined,
    gap: ({ stream }) => stream.publish(stream.other, 'never seen'),
  },
  filtered: { gap: ({ stream }) => stream.publish(stream.other, 'never seen') },
};

/** `shorten`, `rewrite`: a server takes nothing back by itself; test/e2e/nats-loss.nats.test.ts restores older files under it. */
export const natsContract = (address: () => string, kind: Kind): TransportContract<'things', NatsFixture> => ({
  name: `natsLog (${Object.values(kind).join(', ')})`,
  topic: 'things',
  reads: kind.reads,
  open: () => open(address(), kind),
  features: { ...features, ...own[kind.extent] },
  biggest: 512 * 1024, // the server's max_payload is twice that
});
