import { kafkaLog } from '@tidemark/kafka';
import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { startKafka } from '../dist/brokers/kafka.js';
import { createTopic } from '../dist/brokers/kafka-topic.js';
import { followSinceTheFirst, keys, requireAll } from './follow.mjs';
import { memoryOverKafka } from './memory.mjs';
import { clock, collectGarbage, compare } from './pairs.mjs';
import { decodedWork, work } from './works.mjs';

const partitions = 3;

/** A topic on a real broker → decode → a map: the pipeline, against kafkajs's `eachBatch` and `eachMessage` by hand. */
export async function kafka({ scale, pairs }) {
  const count = Math.max(1_000, Math.round(1_000_000 * scale));
  const broker = await startKafka();
  const client = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING });
  try {
    const topic = await topicOfWorks(client, count);
    const name = `${count} records of 200 B in ${partitions} partitions into a map`;
    const against = (how, baseline) =>
      compare({
        name: `${name}, against ${how}`,
        unit: 'records/s',
        count,
        pairs,
        tidemark: () => tidemark(client, topic, count),
        baseline,
      });
    return [
      await against('eachBatch', () => byHand(client, topic, count, eachBatch)),
      await against('eachMessage', () => byHand(client, topic, count, eachMessage)),
      await memoryOverKafka(`${broker.address}/${topic}`, count),
    ];
  } finally {
    await broker.stop();
  }
}

async function topicOfWorks(client, count) {
  const topic = 'works';
  const admin = client.admin();
  const producer = client.producer({ allowAutoTopicCreation: false, createPartitioner: () => byNumber });
  await Promise.all([admin.connect(), producer.connect()]);
  await createTopic(admin, { topic, numPartitions: partitions });
  for (let from = 0; from < count; from += 2_000) {
    const size = Math.min(2_000, count - from);
    const messages = Array.from({ length: size }, (_, i) => {
      const value = work(from + i, keys);
      return { key: value.workId, value: JSON.stringify(value) };
    });
    await producer.send({ topic, messages });
  }
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  return topic;
}

const byNumber = ({ message }) => Number(String(message.key).slice('work-'.length)) % partitions;

/** Seconds from the first record until a new pipeline has them all: joining and connecting are left out on both sides. */
async function tidemark(client, topic, count) {
  const log = kafkaLog({ client, topics: { works: topic } });
  collectGarbage();
  const took = await followSinceTheFirst(log, count);
  await log[Symbol.asyncDispose]();
  return took;
}

async function byHand(client, topic, count, handlers) {
  const view = new Map();
  const [first, last] = [promised(), promised()];
  let seen = 0;
  const take = (value) => {
    if (seen === 0) first.resolve();
    const row = decodedWork(JSON.parse(value.toString('utf8')));
    view.set(row.workId, row);
    if (++seen === count) last.resolve();
  };
  const consumer = client.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 250, allowAutoTopicCreation: false });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  collectGarbage();
  await consumer.run({ autoCommit: false, partitionsConsumedConcurrently: partitions, ...handlers(take) });
  await first.promise;
  const passed = clock();
  await last.promise;
  const took = passed();
  await consumer.disconnect();
  requireAll(view, count);
  return took;
}

const eachBatch = (take) => ({
  eachBatch: async ({ batch }) => {
    for (const { value } of batch.messages) take(value);
  },
});

const eachMessage = (take) => ({
  eachMessage: async ({ message }) => {
    take(message.value);
  },
});

function promised() {
  let resolve = () => undefined;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}
