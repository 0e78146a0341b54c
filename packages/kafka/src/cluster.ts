import { type Cluster, type Kafka } from 'kafkajs';
import { setTimeout as pause } from 'node:timers/promises';
import { isClosed, reset } from './connections';
import { asUnavailable } from './kafka-error';

/**
 * kafkajs's own connection to the cluster, with its protocol layer: `findBroker(…).fetch`, `fetchTopicsOffset`. kafkajs hands it to
 * partition assigners (a public hook), so it is taken from a consumer that is never run.
 *
 * Reading by this and not by `consumer.run` is what makes an offset out of range an error, and not a jump to another place; see
 * docs/decisions/0012-kafka-is-read-by-fetch-requests.md.
 */
export function clusterOf(kafka: Kafka, { metadataMaxAgeMs }: { readonly metadataMaxAgeMs: number }): Cluster {
  let taken: Cluster | undefined;
  const consumer = kafka.consumer({
    groupId: 'never-joined',
    allowAutoTopicCreation: false,
    metadataMaxAge: metadataMaxAgeMs,
    partitionAssigners: [
      ({ cluster }) => {
        taken = cluster;
        return nobody;
      },
    ],
  });
  if (taken === undefined) throw new Error('kafkajs made no assigner: version 2.2 is needed');
  const cluster = taken;
  consumer.on(consumer.events.REQUEST_TIMEOUT, ({ payload }) => {
    reset(cluster, (address) => address === payload.broker);
  });
  return cluster;
}

const nobody = {
  name: 'nobody',
  version: 0,
  assign: () => Promise.resolve([]),
  protocol: () => ({ name: 'nobody', metadata: Buffer.alloc(0) }),
};

/**
 * Answers of brokers that have just been elected, or have just heard of a topic, are asked for again (half a second in all). What is
 * left is `Unavailable`: core and its callers retry that as long as it takes.
 */
export async function asking<R>(cluster: Cluster, what: string, work: () => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 5 || !isStale(error)) throw asUnavailable(error, what);
      await pause(attempt * 50);
      await recover(cluster, error);
    }
  }
}

const isStale = (error: unknown): boolean =>
  error instanceof Error && error.name === 'KafkaJSProtocolError' && 'retriable' in error && error.retriable === true;

/** What must happen before the next request after one that failed: dead connections are dropped, leaders looked up anew. */
export async function recover(cluster: Cluster, error: unknown): Promise<void> {
  if (isClosed(cluster)) return;
  if (isCut(error)) cluster.removeBroker({ host: error.host, port: error.port });
  await cluster.refreshMetadata().catch(() => undefined); // the next request tells what is wrong
}

const isCut = (error: unknown): error is { readonly host: string; readonly port: number } =>
  error instanceof Error && error.name === 'KafkaJSConnectionClosedError' && 'host' in error && 'port' in error;
