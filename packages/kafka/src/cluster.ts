import { type Broker, type Cluster, type Kafka } from 'kafkajs';

/**
 * kafkajs's own connection to the cluster, with its protocol layer: `findBroker(…).fetch`, `fetchTopicsOffset`. kafkajs hands it to
 * partition assigners (a public hook), so it is taken from a consumer that is never run.
 *
 * Reading by this and not by `consumer.run` is what makes an offset out of range an error, and not a jump to another place; see
 * docs/decisions/0012-kafka-is-read-by-fetch-requests.md.
 */
export function clusterOf(kafka: Kafka, { metadataMaxAgeMs }: { readonly metadataMaxAgeMs: number }): Cluster {
  let taken: Cluster | undefined;
  kafka.consumer({
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
  return taken;
}

const nobody = {
  name: 'nobody',
  version: 0,
  assign: () => Promise.resolve([]),
  protocol: () => ({ name: 'nobody', metadata: Buffer.alloc(0) }),
};

/** A connected leader. kafkajs keeps node ids as text or numbers, depending on where they come from. */
export const brokerOf = (cluster: Cluster, nodeId: string): Promise<Broker> => cluster.findBroker({ nodeId });

/** What must happen before the next request after one that failed: dead connections are dropped, leaders looked up anew. */
export async function recover(cluster: Cluster, error: unknown): Promise<void> {
  if (isClosed(error)) cluster.removeBroker({ host: error.host, port: error.port });
  await cluster.refreshMetadata().catch(() => undefined); // the next request tells what is wrong
}

const isClosed = (error: unknown): error is { readonly host: string; readonly port: number } =>
  error instanceof Error && error.name === 'KafkaJSConnectionClosedError' && 'host' in error && 'port' in error;
