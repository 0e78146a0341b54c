/**
 * Service B on a small heap: `node --max-old-space-size=64 memory-process.mjs snapshot|backlog <url> <count>`, or
 * `kafka <address>/<topic> <count>`, or `nats <address>/<stream> <count>`. Prints how many rows or records it has got, and the most
 * memory it ever had (RSS, in bytes).
 */
import { connect } from '@nats-io/transport-node';
import { DatabaseSync } from '@photostructure/sqlite';
import { applyTo, liveView, snapshotThenSubscribe, translate, upsert } from '@tidemark/core';
import { httpFeed, httpSnapshot } from '@tidemark/http';
import { kafkaLog } from '@tidemark/kafka';
import { natsLog } from '@tidemark/nats';
import { sqliteTable } from '@tidemark/sqlite';
import { Kafka, logLevel } from 'kafkajs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { nothingYet } from './logs.mjs';
import { columns, Work } from './works.mjs';

const [, , mode, where, size] = process.argv;
const { snapshot, transport, close } = of(mode, where);
const got = mode === 'snapshot' ? await snapshotIntoTable() : await backlogIntoSlowConsumer(Number(size));
process.stdout.write(JSON.stringify({ got, peak: process.resourceUsage().maxRSS * 1024 }));
await close?.();

function of(mode, where) {
  if (mode === 'kafka') return ofKafka(...where.split('/'));
  return mode === 'nats' ? ofNats(...where.split('/')) : overHttp(where);
}

function overHttp(url) {
  return { snapshot: httpSnapshot(`${url}/snapshot`), transport: httpFeed(`${url}/feed`, { topics: ['works'] }) };
}

function ofKafka(broker, topic) {
  const client = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  const log = kafkaLog({ client, topics: { works: topic } });
  return { snapshot: nothingYet(log), transport: log, close: () => log[Symbol.asyncDispose]() };
}

function ofNats(servers, stream) {
  const log = natsLog({ connection: () => connect({ servers }), topics: { works: { stream } } });
  return { snapshot: nothingYet(log), transport: log, close: () => log[Symbol.asyncDispose]() };
}

function pipelineInto(replica) {
  return snapshotThenSubscribe({
    name: 'memory',
    snapshot,
    transport,
    decode: { works: { row: Work, update: Work } },
  }).pipe(
    translate((message) => upsert(message.value)),
    applyTo(replica),
  );
}

async function snapshotIntoTable() {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-memory-'));
  try {
    const db = new DatabaseSync(join(directory, 'b.db'), { timeout: 5_000 });
    db.exec('pragma journal_mode = wal');
    const pipeline = pipelineInto(sqliteTable(db, { table: 'work', key: 'workId', columns }));
    await Promise.race([pipeline.run(), pipeline.caughtUp()]);
    await pipeline.stop();
    const { rows } = db.prepare('select count(*) as rows from work').get();
    db.close();
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** It takes what it is given, then looks away for a while: the log must wait, not its records in here. */
async function backlogIntoSlowConsumer(count) {
  let got = 0;
  for await (const event of pipelineInto(liveView({ key: ({ workId }) => workId }))) {
    if (event.type !== 'updates') continue;
    got += event.messages.length;
    if (got >= count) break;
    await pause(20);
  }
  return got;
}
