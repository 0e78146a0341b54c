import { covers, following, type Log, OffsetMap, orAborted, type Position } from '@tidemark/core';
import { kafkaLog } from '@tidemark/kafka';
import { type Kafka } from 'kafkajs';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { openFile } from '../things';
import { type OutboxTable, positionIn } from './outbox-table';

interface OutboxOptions {
  readonly client: Kafka;
  readonly topic: string;
  readonly partitions: number;
}

/**
 * A transactional outbox whose records come into the log exactly once. Each batch is a transaction of the log, and after anything
 * unknown (a crash, a failed `publish`) the log is read from the last confirmed place on, to see whether the batch has arrived:
 * by then nobody else can write, because the transactional id has been taken over.
 */
export class KafkaOutbox {
  private readonly over = new AbortController();
  private readonly relaying: Promise<void>;

  constructor(
    private readonly table: OutboxTable,
    private readonly options: OutboxOptions,
  ) {
    this.relaying = this.relay();
  }

  async close(): Promise<void> {
    this.over.abort();
    await this.relaying;
  }

  /** With one log after the other: after a failure nobody knows what has arrived. */
  private async relay(): Promise<void> {
    const isOver = () => this.over.signal.aborted;
    while (!isOver()) {
      const { client, topic } = this.options;
      const log = kafkaLog({ client, topics: { things: topic }, transactionalId: topic });
      try {
        await this.takeOver();
        await this.lookUp(log);
        while (!isOver()) await this.publish(log);
      } catch (error) {
        if (!isOver()) process.stderr.write(`outbox: ${String(error)}\n`);
        await pause(50);
      } finally {
        await disposed(log);
      }
    }
  }

  /** Whoever had the transactional id can write no more; what it had open is aborted, what it had committed is there. */
  private async takeOver(): Promise<void> {
    const { client, topic, partitions } = this.options;
    const admin = client.admin();
    await admin.connect();
    await admin
      .createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true })
      .finally(() => admin.disconnect());
    const producer = client.producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1 });
    await producer.connect().finally(() => producer.disconnect());
  }

  /** Finds out what of the outbox is in the log already. */
  private async lookUp(log: Log<'things'>): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.over.signal, over.signal]);
    const head = await log.locate('head', signal);
    const from = this.table.position ?? { source: head.source, offsets: OffsetMap.empty('decimal') };
    let { offsets } = from;
    let last = 0;
    for await (const event of log.read(() => Promise.resolve(from), signal)) {
      if (event.type === 'lost') throw new Error(`the outbox can't look into the log: ${event.reason}`);
      if (event.type !== 'delivery') continue;
      for (const { headers } of event.records) last = Math.max(last, Number(String(headers.get('outbox'))));
      offsets = offsets.with(event.partition, event.through);
      event.ack();
      if (covers({ source: head.source, offsets }, head)) over.abort();
    }
    this.over.signal.throwIfAborted();
    this.table.confirm(last, { source: head.source, offsets });
  }

  private async publish(log: Log<'things'>): Promise<void> {
    const batch = this.table.next();
    const last = batch.at(-1);
    if (last === undefined) return pause(5);
    const records = batch.map(({ seq, key, value }) => ({ key, value, headers: { outbox: String(seq) } }));
    const published = log.publish('things', records);
    published.catch(() => undefined); // when it is closed meanwhile
    this.table.confirm(last.seq, await this.behind(log, await orAborted(published, this.over.signal)));
  }

  /**
   * Where the log ends after a batch, of which the markers of its transaction are a part: readers go on to after them, and a snapshot
   * must not be older than its readers. Nobody else writes, so nothing else is there.
   */
  private async behind(log: Log<'things'>, published: Position): Promise<Position> {
    for (;;) {
      const head = await log.locate('head', this.over.signal);
      if (covers(head, published)) return head;
    }
  }
}

/** Up to where the outbox in this file knows its records to be in the log, as a next offset by partition. */
export function confirmedIn(file: string): (partition: string) => bigint {
  const db = openFile(file);
  try {
    const offsets = positionIn(db)?.offsets ?? OffsetMap.empty('decimal');
    const next = new Map([...offsets].map(({ partition, through }) => [partition, BigInt(following(through))]));
    return (partition) => next.get(partition) ?? 0n;
  } finally {
    db.close();
  }
}

/** It may have lost its broker. */
async function disposed(log: AsyncDisposable): Promise<void> {
  try {
    await log[Symbol.asyncDispose]();
  } catch (error) {
    process.stderr.write(`outbox: ${String(error)}\n`);
  }
}
