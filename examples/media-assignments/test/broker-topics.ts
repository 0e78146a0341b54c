import { Kafka, logLevel } from 'kafkajs';
import { connect } from 'nats';
import { createTopic, unique } from '../../../test/brokers/kafka-topic';
import { type Broker } from '../../support/src/broker-log';

/** A topic of one's own with so many partitions. */
export async function kafkaTopic(address: string, numPartitions: number): Promise<Broker> {
  const topic = unique('assignments');
  const admin = new Kafka({ brokers: address.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await createTopic(admin, { topic, numPartitions });
  await admin.disconnect();
  return { kind: 'kafka', address, topic };
}

/** A stream of one's own, which is one partition. */
export async function natsStream(address: string): Promise<Broker> {
  const topic = unique('assignments');
  const connection = await connect({ servers: address });
  const { streams } = await connection.jetstreamManager();
  await streams.add({ name: topic, subjects: [`${topic}.>`] });
  await connection.close();
  return { kind: 'nats', address, topic };
}
