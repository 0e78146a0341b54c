import {
  type Log,
  type PagedLog,
  pagedTransport,
  type Runtime,
  type ShareOptions,
  type TopicOf,
  type Topics,
} from '@tidemark/core';
import { Bucket } from './bucket';
import { type Connecting, Link } from './connection';
import { describe } from './description';
import { JetStream } from './jetstream';
import { KvPositions, noPositions } from './kv-positions';
import { locate } from './locate';
import { NatsPublisher } from './nats-publisher';
import { Pages } from './pages';
import { type NatsTopic, streamTopics } from './topics';

export interface NatsLogOptions<N> {
  /**
   * A connection of `nats` 2.29 or `@nats-io/transport-node` 3.3, which stays yours (connect with `maxReconnectAttempts: -1`), or a
   * function that makes one, which is the log's: closed with it, and made anew when it has ended.
   */
  readonly connection: Connecting;
  /** The topics: names of streams, or your names with streams and their subjects. */
  readonly topics: N;
  /** Instances divide the partitions by leases (`natsLeases`, or any other store); without it every instance reads all of them. */
  readonly share?: ShareOptions | undefined;
  /** Where `log.positions` keeps them, for `deliverTo`; a replica that stores its own position needs it not. */
  readonly positions?: NatsPositions | undefined;
  /** Bytes of keys and values handed over or fetched ahead, all partitions together; default 16 MiB. */
  readonly maxInFlight?: number | undefined;
  readonly runtime?: Runtime | undefined;
}

/** A place for positions: one key of a KV bucket. */
export interface NatsPositions {
  /** A KV bucket; made by the first write where there is none. One that may forget keys is refused with `InvalidConfiguration`. */
  readonly bucket: string;
  /** Tells positions in one bucket apart: give each pipeline its own. */
  readonly name: string;
  /** Servers of a cluster that keep a copy of a bucket that is made here; default 1. */
  readonly replicas?: number | undefined;
}

/**
 * Streams of NATS JetStream as a log. Positions are sequences of the *last* message included, under each stream's creation time.
 * `positions` are in a KV bucket.
 *
 * @example
 * natsLog({ connection: () => connect({ servers }), topics: { assignments: { stream: 'ASSIGNMENTS', subjects: ['y.assignments.>'] } } })
 */
export function natsLog<const N extends Topics<NatsTopic>>(options: NatsLogOptions<N>): Log<TopicOf<N>> {
  type T = TopicOf<N>;
  const { positions, share, maxInFlight, runtime } = options;
  const topics = streamTopics(options.topics);
  const list = [...topics.byName.values()];
  const link = new Link(options.connection);
  const js = new JetStream(link);
  const publisher = new NatsPublisher<T>(js, topics);
  const transport = (pages: Pages) => {
    const paged: PagedLog<T> = {
      kind: 'nats',
      topics: topics.names,
      describe: () => describe(js, list),
      page: (partition, after, ask) => pages.page(partition, after, ask),
    };
    return pagedTransport(paged, { share, describeMs: 5_000, maxInFlight, runtime });
  };
  return {
    ...transport(new Pages(js, topics.byName)),
    read: async function* (start, signal) {
      const pages = new Pages(js, topics.byName);
      try {
        yield* transport(pages).read(start, signal);
      } finally {
        pages.close();
      }
    },
    publish: (topic, records) => publisher.publish(topic, records),
    locate: (point, signal) => locate(js, list, point, signal),
    positions:
      positions === undefined
        ? noPositions
        : new KvPositions(new Bucket(js, positions.bucket, positions.replicas), positions.name),
    [Symbol.asyncDispose]: () => link.close(),
  };
}
