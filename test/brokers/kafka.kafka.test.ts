import { Kafka, logLevel } from 'kafkajs';
import { existsSync } from 'node:fs';
import { addressOf, itWithOwn } from './jest/tests';
import { startKafka } from './kafka';
import { kafkaAnswers } from './kafka-answers';
import { createTopic } from './kafka-topic';
import { isFree } from './ports';

const clientOf = (address: string) =>
  new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 10 } });

async function write(client: Kafka, topic: string, value: string): Promise<void> {
  const admin = client.admin();
  await createTopic(admin, { topic, numPartitions: 1 });
  await admin.disconnect();
  const producer = client.producer();
  await producer.connect();
  await producer.send({ topic, messages: [{ key: 'k', value }] });
  await producer.disconnect();
}

/** The first record of the topic. */
async function read(client: Kafka, topic: string): Promise<string | undefined> {
  const consumer = client.consumer({ groupId: `${topic}-${Date.now()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const value = await new Promise<string | undefined>((resolve, reject) => {
    consumer.run({ eachMessage: async ({ message }) => resolve(message.value?.toString()) }).catch(reject);
  });
  await consumer.disconnect();
  return value;
}

it('the run has a broker, which takes and gives a record', async () => {
  const client = clientOf(addressOf('kafka'));
  const topic = `shared-${Date.now()}`;
  await write(client, topic, 'one');
  expect(await read(client, topic)).toBe('one');
});

itWithOwn('kafka')('what was written is there after a kill and a restart; stopped, nothing is left', async () => {
  const broker = await startKafka({ settings: { 'message.max.bytes': 2_000_000 } });
  const { address, clusterId, directory, pid } = broker;
  try {
    await write(clientOf(address), 'kept', 'one');
    await broker.kill();
    await expect(kafkaAnswers([address])).rejects.toThrow();
    await broker.restart();
    expect({ address: broker.address, clusterId: await kafkaAnswers([address]) }).toEqual({ address, clusterId });
    expect(broker.pid).not.toBe(pid);
    expect(await read(clientOf(address), 'kept')).toBe('one');
  } finally {
    await broker.stop();
  }
  expect(existsSync(directory)).toBe(false);
  expect(await isFree(Number(address.split(':')[1]))).toBe(true);
  expect(() => process.kill(broker.pid, 0)).toThrow('ESRCH');
});
