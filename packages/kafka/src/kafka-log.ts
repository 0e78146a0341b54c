import {
  InvalidConfiguration,
  type Log,
  type PagedLog,
  pagedTransport,
  type Runtime,
  systemRuntime,
  type TopicOf,
  type Topics,
} from '@tidemark/core';
import { type Kafka } from 'kafkajs';
import { clusterOf } from './cluster';
import { close } from './connections';
import { describe, identify, Retention } from './description';
import { Fetcher } from './fetcher';
import { Group } from './group';
import { GroupPositions, noPositions } from './group-positions';
import { KafkaPublisher } from './kafka-publisher';
import { locate } from './locate';
import { Pages } from './pages';

export interface KafkaLogOptions<N> {
  /** Yours: brokers, TLS, SASL, logging are its business. Connections made from it are closed with the log. */
  readonly client: Kafka;
  /** The topics: names, or your names with Kafka's. */
  readonly topics: N;
  /** Members of one consumer group divide the partitions; without it every instance reads all of them, and joins nothing. */
  readonly group?: string | undefined;
  /** How long a member may be silent before its partitions go to others, in milliseconds; default 30,000. */
  readonly sessionTimeoutMs?: number | undefined;
  /** How often topics are looked at for new partitions, in milliseconds; default 30,000. */
  readonly metadataMaxAgeMs?: number | undefined;
  /** Bytes of keys and values handed over or fetched ahead, all partitions together; default 16 MiB. */
  readonly maxInFlight?: number | undefined;
  /**
   * With it each `publish` is a transaction: readers see all of its records or none. One living process may have it; who has lost it
   * gets `FencedOut`. Readers go on to after a transaction's marker, which the answer of `publish` doesn't include: a snapshot takes its
   * position from `locate`.
   */
  readonly transactionalId?: string | undefined;
  readonly runtime?: Runtime | undefined;
}

/**
 * Topics of a Kafka cluster as a log. Positions are offsets of the *last* record included, under the cluster's id. Only committed
 * records are read. `positions` are the group's committed offsets; a replica that stores its own position needs them not.
 *
 * @example
 * kafkaLog({ client: new Kafka({ brokers: ['b:9092'] }), topics: { assignments: 'y.assignment-updates' }, group: 'x' })
 */
export function kafkaLog<const N extends Topics<string>>(options: KafkaLogOptions<N>): Log<TopicOf<N>> {
  type T = TopicOf<N>;
  const { client, metadataMaxAgeMs = 30_000, runtime = systemRuntime } = options;
  const topics = namesOf(options.topics) as { readonly [K in T]: string };
  const names = [...new Set(Object.values<string>(topics))];
  const cluster = clusterOf(client, { metadataMaxAgeMs });
  const fetcher = new Fetcher(cluster, { maxWaitMs: 250, maxBytesPerPartition: 1024 * 1024 });
  const retention = new Retention(cluster, runtime.now);
  const now = () => describe(cluster, names, retention);
  const source = () => identify(cluster, names);
  const publisher = new KafkaPublisher<T>(client, topics, once(source), options);
  const group = groupOf(options, names);
  const transport = (pages: Pages) => {
    const paged: PagedLog<T> = {
      kind: 'kafka',
      topics,
      describe: now,
      page: (partition, after, ask) => pages.page(partition, after, ask),
    };
    const { maxInFlight } = options;
    return pagedTransport(paged, {
      assignments: group?.assignments,
      describeMs: metadataMaxAgeMs,
      maxInFlight,
      runtime,
    });
  };
  return {
    ...transport(new Pages(cluster, fetcher)),
    read: (start, signal) => transport(new Pages(cluster, fetcher)).read(start, signal),
    publish: (topic, records) => publisher.publish(topic, records),
    locate: async (point, signal) => locate({ cluster, fetcher, topics: names, source: await source() }, point, signal),
    positions: group === undefined ? noPositions : new GroupPositions(cluster, names, group, source),
    [Symbol.asyncDispose]: async () => {
      await publisher.close();
      await close(cluster);
    },
  };
}

function groupOf<N>(
  { client, group, sessionTimeoutMs = 30_000, metadataMaxAgeMs = 30_000, runtime = systemRuntime }: KafkaLogOptions<N>,
  topics: readonly string[],
): Group | undefined {
  if (group === undefined) return undefined;
  if (group === '') throw new InvalidConfiguration('kafkaLog: the name of a group is not empty');
  return new Group(client, topics, { groupId: group, sessionTimeoutMs, metadataMaxAgeMs }, runtime);
}

function namesOf(topics: Topics<string>): Readonly<Record<string, string>> {
  const entries: readonly (readonly [string, string])[] = isList(topics)
    ? topics.map((name) => [name, name])
    : Object.entries(topics);
  if (entries.length === 0) throw new InvalidConfiguration('kafkaLog needs at least one topic');
  if (new Set(entries.map(([, name]) => name)).size < entries.length)
    throw new InvalidConfiguration('kafkaLog: two of your topics are the same one of Kafka');
  return Object.fromEntries(entries);
}

const isList = (topics: Topics<string>): topics is readonly string[] => Array.isArray(topics);

/** What succeeded once isn't asked again. */
function once<R>(work: () => Promise<R>): () => Promise<R> {
  let done: Promise<R> | undefined;
  return () =>
    (done ??= work().catch((error: unknown) => {
      done = undefined;
      throw error;
    }));
}
