import { setTimeout as pause } from 'node:timers/promises';
import { covers, following, type LogRecord, type NewRecord, type Publisher, SyncError } from '@tidemark/core';
import { type SqliteLog } from '@tidemark/sqlite';

/** Takes what is in an outbox to a broker's log. */
export interface Relay {
  /** Fulfils when the broker has acknowledged everything that is in the outbox now. */
  readonly drained: () => Promise<void>;
  /** What isn't acknowledged by now stays in the outbox. */
  readonly stop: () => Promise<void>;
}

/**
 * Publishes an outbox's records in the order of their commits, and removes them once they are acknowledged: what is in the outbox is
 * what isn't yet. At-least-once: after a crash between the two, some are published again, in the same order. An error that won't pass
 * ends the process, as an unhandled rejection: the outbox would grow without end.
 */
export function relay<Topic extends string>(outbox: SqliteLog<Topic>, broker: Publisher<Topic>): Relay {
  const stopping = new AbortController();
  const { signal } = stopping;
  const beginning = () => outbox.locate('beginning', signal);
  const work = async () => {
    for await (const event of outbox.read(beginning, signal)) {
      if (event.type === 'lost')
        throw new Error(`records are missing in the outbox: ${event.reason} after ${event.at}`);
      if (event.type !== 'delivery') continue;
      const { topic, partition, records, through } = event;
      if (!(await acknowledged(broker, topic, records.map(newRecord), signal))) return;
      outbox.trim(topic, { partition: partition.partition, before: following(through.through) });
      event.ack();
    }
  };
  const working = work();
  return {
    drained: async () => {
      const head = await outbox.locate('head', signal);
      while (!covers(await beginning(), head)) await Promise.race([working, pause(5)]);
    },
    stop: async () => {
      stopping.abort();
      await working;
    },
  };
}

/** Tries until the broker has accepted all of them; false: it was stopped before. */
async function acknowledged<Topic extends string>(
  broker: Publisher<Topic>,
  topic: Topic,
  records: readonly NewRecord[],
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      if (records.length > 0) await broker.publish(topic, records);
      return true;
    } catch (error) {
      if (!(error instanceof SyncError && error.retryable)) throw error;
      await pause(againMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return false;
}

/** How long it waits before it tries again, in milliseconds. */
const againMs = 200;

const newRecord = ({ key, value, headers }: LogRecord): NewRecord => ({
  key: textOf(key),
  value,
  headers: Object.fromEntries([...headers].map(([name, text]) => [name, textOf(text)])),
});

const textOf = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString('utf8');
