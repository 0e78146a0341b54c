import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import * as io from '@nats-io/transport-node';
import { natsLog } from '@tidemark/nats';
import * as v2 from 'nats';
import { randomUUID } from 'node:crypto';
import { startNats } from '../dist/brokers/nats.js';
import { followSinceTheFirst, keys, requireAll } from './follow.mjs';
import { memoryOverNats } from './memory.mjs';
import { clock, collectGarbage, compare } from './pairs.mjs';
import { decodedWork, work } from './works.mjs';

const stream = 'WORKS';

/** A stream on a real server → decode → a map: the pipeline, against `consume()` of both clients by hand, over the same client. */
export async function nats({ scale, pairs }) {
  const count = Math.max(1_000, Math.round(1_000_000 * scale));
  const server = await startNats();
  const [ofIo, ofV2] = await Promise.all([
    io.connect({ servers: server.address, maxReconnectAttempts: -1 }),
    v2.connect({ servers: server.address, maxReconnectAttempts: -1 }),
  ]);
  try {
    await streamOfWorks(ofIo, count);
    const name = `${count} records of 200 B in a stream into a map`;
    const against = (how, connection, baseline) =>
      compare({
        name: `${name}, against ${how}`,
        unit: 'records/s',
        count,
        pairs,
        tidemark: () => tidemark(connection, count),
        baseline: () => byHand(connection, count, baseline),
      });
    return [
      await against("@nats-io/jetstream's consume()", ofIo, withoutAcks),
      await against("nats 2.29's consume()", ofV2, withoutAcks),
      await against("@nats-io/jetstream's consume() of a durable, with an ack each", ofIo, durable),
      await memoryOverNats(`${server.address}/${stream}`, count),
    ];
  } finally {
    await Promise.all([ofIo.close(), ofV2.close()]);
    await server.stop();
  }
}

async function streamOfWorks(connection, count) {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: stream, subjects: ['works.*'] });
  const js = jetstream(connection);
  for (let from = 0; from < count; from += 1_000) {
    const size = Math.min(1_000, count - from);
    const stored = Array.from({ length: size }, (_, i) => {
      const value = work(from + i, keys);
      return js.publish(`works.${value.workId}`, JSON.stringify(value));
    });
    await Promise.all(stored);
  }
}

/** Seconds from the first record until a new pipeline has them all: making a consumer is left out on both sides. */
async function tidemark(connection, count) {
  const log = natsLog({ connection, topics: { works: { stream } } });
  const took = await followSinceTheFirst(log, count);
  await log[Symbol.asyncDispose]();
  return took;
}

async function byHand(connection, count, { config, done }) {
  const isIo = !('jetstream' in connection);
  const manager = isIo ? await jetstreamManager(connection) : await connection.jetstreamManager();
  const js = isIo ? jetstream(connection) : connection.jetstream();
  const { name } = await manager.consumers.add(stream, { deliver_policy: 'all', ...config() });
  const consumer = await js.consumers.get(stream, name);
  const view = new Map();
  let passed;
  let seen = 0;
  collectGarbage();
  const messages = await consumer.consume({ max_messages: 1_000 });
  for await (const message of messages) {
    passed ??= clock();
    const row = decodedWork(message.json());
    view.set(row.workId, row);
    done(message);
    if (++seen === count) break;
  }
  const took = passed();
  await consumer.delete();
  requireAll(view, count);
  return took;
}

const withoutAcks = {
  config: () => ({ name: randomUUID(), ack_policy: 'none', mem_storage: true, inactive_threshold: 30e9 }),
  done: () => undefined,
};

const durable = {
  config: () => ({ durable_name: randomUUID(), ack_policy: 'explicit' }),
  done: (message) => message.ack(),
};
