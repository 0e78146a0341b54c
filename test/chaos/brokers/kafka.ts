import { kafkaLog } from '@tidemark/kafka';
import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startKafka } from '../../brokers/kafka';
import {
  type Broker,
  brokerFaults,
  embeddedFaults,
  type LogFromOutside,
  partitions,
  placeIn,
  type ServicePlace,
} from '../broker';
import { openFile } from '../things';
import { atLast } from './at-last';
import { confirmedIn, KafkaOutbox } from './kafka-outbox';
import { OutboxTable } from './outbox-table';

/** A topic that A writes through an outbox, and that B follows in a group where it shares, otherwise alone. */
export const kafka: Broker = {
  // kafkajs knows no topic ids: that a topic was made anew under a running reader can't be seen
  faults: [...embeddedFaults.filter((name) => name !== 'recreate'), ...brokerFaults],

  start: () => startKafka(),

  publish({ directory, service }, db, rows) {
    const { name } = placeIn(service);
    const table = new OutboxTable(db, () => openFile(join(directory, 'a.db')));
    const client = clientOf(service, { requestTimeout: 1_500 });
    const outbox = new KafkaOutbox(table, { client, topic: name, partitions });
    return {
      append: (records) => table.append(records),
      snapshot: table.snapshot(rows),
      drained: () => table.drained(),
      close: () => outbox.close(),
    };
  },

  follow({ service }, _, { owner, silentMs }) {
    return kafkaLog({
      client: clientOf(service, {
        ...(owner !== undefined && { clientId: owner }),
        ...(silentMs !== undefined && { requestTimeout: silentMs }),
      }),
      topics: { things: placeIn(service).name },
      group: owner === undefined ? undefined : placeIn(service).name,
      sessionTimeoutMs: 1_500,
      metadataMaxAgeMs: 1_000,
    });
  },

  look({ directory, service }): LogFromOutside {
    const { name: topic } = placeIn(service);
    const client = clientOf(service, {});
    const log = kafkaLog({ client, topics: { things: topic } });
    const admin = client.admin();
    /** Removes what is older than the newest `keep`; but an outbox must be able to look whether its last records have arrived. */
    const trim = async (keep: number): Promise<void> => {
      const confirmed = confirmedIn(join(directory, 'a.db'));
      const upTo = (partition: number, high: string): bigint => {
        const [newest, sure] = [BigInt(high) - BigInt(keep), confirmed(String(partition))];
        return newest < sure ? newest : sure;
      };
      const ends = await admin.fetchTopicOffsets(topic);
      const cut = ends
        .map(({ partition, low, high }) => ({ partition, low: BigInt(low), offset: upTo(partition, high) }))
        .filter(({ low, offset }) => offset > low)
        .map(({ partition, offset }) => ({ partition, offset: String(offset) }));
      if (cut.length > 0) await admin.deleteTopicRecords({ topic, partitions: cut });
    };
    return {
      head: () => atLast(() => log.locate('head', new AbortController().signal)),
      trim: (keep) => atLast(() => admin.connect().then(() => trim(keep))),
      async close() {
        await log[Symbol.asyncDispose]();
        await atLast(() => admin.connect().then(() => admin.deleteTopics({ topics: [topic] })));
        await admin.disconnect();
      },
    };
  },
};

/** All connections go to this address: the one that the broker tells isn't behind the proxy. */
function clientOf(service: ServicePlace | undefined, config: Partial<KafkaConfig>): Kafka {
  const { address } = placeIn(service);
  const [host = '', port = ''] = address.split(':');
  return new Kafka({
    brokers: [address],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 5 },
    socketFactory: ({ onConnect }) => connect({ host, port: Number(port) }, onConnect),
    ...config,
  });
}
