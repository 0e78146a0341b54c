import { before, type Description, type PartitionBounds, type Source } from '@tidemark/core';
import {
  type Broker,
  type Cluster,
  ConfigResourceTypes,
  type DescribeConfigResponse,
  type ResourceConfigQuery,
} from 'kafkajs';
import { asking } from './cluster';

/**
 * The log as it is now. Kafka's offsets are *next* ones here: the low watermark is the first record that is left, the last stable
 * offset (KIP-98) the first one that a reader of committed records can't have yet.
 */
export const describe = (cluster: Cluster, topics: readonly string[], retention: Retention): Promise<Description> =>
  asking(cluster, `Kafka can't be described (${topics.join(', ')})`, async () => {
    const source = await sourceOf(cluster, topics);
    const [heads, lows, kept] = await Promise.all([
      endsOf(cluster, topics, false),
      endsOf(cluster, topics, true),
      retention.of(topics),
    ]);
    const partitions = [...heads].flatMap(([topic, ends]) =>
      [...ends].map(([partition, next]): PartitionBounds => {
        const low = lows.get(topic)?.get(partition) ?? '0';
        const [trimmed, head] = [before(low), before(next)];
        return { topic, partition: String(partition), trimmed, head, retentionMs: kept.get(topic) };
      }),
    );
    return { source, partitions };
  });

/** Which log this is. No epochs: kafkajs speaks Metadata version 6, which knows no topic ids. Witnesses and bounds have to do. */
export const identify = (cluster: Cluster, topics: readonly string[]): Promise<Source> =>
  asking(cluster, `Kafka can't be reached (${topics.join(', ')})`, () => sourceOf(cluster, topics));

async function sourceOf(cluster: Cluster, topics: readonly string[]): Promise<Source> {
  await cluster.connect();
  await cluster.addMultipleTargetTopics([...topics]);
  await cluster.refreshMetadata();
  const broker = await anyBroker(cluster);
  const { clusterId } = (await broker.metadata([...topics])) as { readonly clusterId?: string };
  return { kind: 'kafka', order: 'decimal', cluster: clusterId, epochs: {} };
}

function anyBroker(cluster: Cluster): Promise<Broker> {
  const [nodeId] = cluster.getNodeIds();
  if (nodeId === undefined) throw new Error('the cluster has no brokers');
  return cluster.findBroker({ nodeId: String(nodeId) });
}

/** What kafkajs's types don't tell. */
interface WithConfigs {
  describeConfigs(ask: { readonly resources: readonly ResourceConfigQuery[] }): Promise<DescribeConfigResponse>;
}

/** Topic → partition → the next offset at one of its ends. */
export async function endsOf(
  cluster: Cluster,
  topics: readonly string[],
  fromBeginning: boolean,
): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>> {
  const asked = topics.map((topic) => ({ topic, partitions: partitionsOf(cluster, topic), fromBeginning }));
  const answered = await cluster.fetchTopicsOffset(asked);
  return new Map(
    answered.map(({ topic, partitions }) => [
      topic,
      new Map(partitions.map(({ partition, offset }) => [partition, offset])),
    ]),
  );
}

export const partitionsOf = (cluster: Cluster, topic: string): { partition: number }[] =>
  cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId }));

/** How long the topics keep their records, asked once a minute. Where the account may not look, it isn't known. */
export class Retention {
  private known: ReadonlyMap<string, number> = new Map();
  private until = 0;

  constructor(
    private readonly cluster: Cluster,
    private readonly now: () => number,
  ) {}

  async of(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (this.now() >= this.until) {
      this.known = await this.ask(topics).catch(() => new Map<string, number>());
      this.until = this.now() + 60_000;
    }
    return this.known;
  }

  private async ask(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const broker = await anyBroker(this.cluster);
    const { resources } = await (broker as Broker & WithConfigs).describeConfigs({
      resources: topics.map((name) => ({
        type: ConfigResourceTypes.TOPIC,
        name,
        configNames: ['retention.ms', 'cleanup.policy'],
      })),
    });
    const kept = new Map<string, number>();
    for (const { resourceName, configEntries } of resources) {
      const config = new Map(configEntries.map(({ configName, configValue }) => [configName, configValue]));
      const retentionMs = Number(config.get('retention.ms'));
      if (config.get('cleanup.policy')?.includes('delete') === true && retentionMs >= 0)
        kept.set(resourceName, retentionMs);
    }
    return kept;
  }
}
