import {
  deliverTo,
  type HandlerContext,
  type Log,
  type Pipeline,
  type Point,
  snapshotThenSubscribe,
  type SyncEvent,
  translate,
  withoutSnapshot,
} from '@tidemark/core';
import { kafkaLog, type KafkaLogOptions } from '@tidemark/kafka';
import * as t from 'io-ts';
import { type Admin, Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { createTopic, unique } from '../../../test/brokers/kafka-topic';

const Order = t.type({ id: t.string });

/** A topic of its own at a broker, and a group that follows it. */
export class Orders {
  readonly topic = unique('orders');
  readonly group = unique('group');
  private readonly logs: Log<'orders'>[] = [];

  private constructor(
    private readonly address: string,
    readonly admin: Admin,
  ) {}

  static async create(address: string, numPartitions: number): Promise<Orders> {
    const orders = new Orders(address, clientOf(address).admin());
    const { admin, topic } = orders;
    await admin.connect();
    await createTopic(admin, { topic, numPartitions });
    return orders;
  }

  client(clientId?: string): Kafka {
    return clientOf(this.address, clientId);
  }

  /** Gives up on a request after half a second, and tries it once more only. */
  impatientClient(): Kafka {
    return clientOf(this.address, undefined, { requestTimeout: 500, retry: { retries: 1, initialRetryTime: 50 } });
  }

  /** One more log, with clients of its own. */
  log(options: Partial<KafkaLogOptions<unknown>> & { readonly clientId?: string } = {}): Log<'orders'> {
    const { clientId, ...more } = options;
    const log = kafkaLog({
      client: this.client(clientId),
      metadataMaxAgeMs: 500,
      ...more,
      topics: { orders: this.topic },
    });
    this.logs.push(log);
    return log;
  }

  /** The ids become keys and values. */
  async publish(log: Log<'orders'>, ids: Iterable<string>): Promise<void> {
    await log.publish(
      'orders',
      Array.from(ids, (id) => ({ key: id, value: JSON.stringify({ id }) })),
    );
  }

  /** The members of the group: their name in it by the id of their client. */
  async members(): Promise<ReadonlyMap<string, string>> {
    const { groups } = await this.admin.describeGroups([this.group]);
    return new Map((groups[0]?.members ?? []).map(({ clientId, memberId }) => [clientId, memberId]));
  }

  /** What the group has committed, as Kafka's own tools see it: partition → offset of the next record. */
  async committed(): Promise<readonly string[]> {
    const [topic] = await this.admin.fetchOffsets({ groupId: this.group, topics: [this.topic] });
    return [...(topic?.partitions ?? [])].sort((a, b) => a.partition - b.partition).map(({ offset }) => offset);
  }

  async close(): Promise<void> {
    for (const log of this.logs) await log[Symbol.asyncDispose]();
    await this.admin.deleteTopics({ topics: [this.topic] });
    await this.admin.disconnect();
  }
}

const clientOf = (address: string, clientId?: string, config: Partial<KafkaConfig> = {}): Kafka =>
  new Kafka({
    brokers: address.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500 },
    ...(clientId !== undefined && { clientId }),
    ...config,
  });

/** A pipeline whose handler gets the ids, with its positions kept by the log's group; and what it has told. */
export function delivering(
  log: Log<'orders'>,
  handler: (id: string, context: HandlerContext) => Promise<void> | void,
  from: Point = 'beginning',
): { readonly pipeline: Pipeline<string>; readonly told: readonly SyncEvent<string>[] } {
  const pipeline = snapshotThenSubscribe({
    name: 'orders',
    snapshot: withoutSnapshot(log, from),
    transport: log,
    decode: { orders: { row: Order, update: Order } },
    times: { retryMs: 200 },
  }).pipe(
    translate(({ value }) => value.id),
    deliverTo(handler, { positions: log.positions }),
  );
  const told: SyncEvent<string>[] = [];
  pipeline.subscribe({ next: (event) => told.push(event), error: () => undefined }); // `run` and `stop` tell it too
  return { pipeline, told };
}
