import {
  decimal,
  InvalidConfiguration,
  type Entry,
  type NewRecord,
  type Offset,
  OffsetMap,
  type Position,
  witnessOf,
} from '@tidemark/core';
import { randomUUID } from 'node:crypto';
import { type SqliteDatabase } from './database';
import { type RecordRow, rowOf } from './log-record';
import { logSchema } from './log-schema';
import { type Lane, LogTables } from './log-tables';
import { partitionOf } from './partition-of';
import { Statements } from './statements';
import { transaction } from './transaction';

export interface SqliteTopicOptions {
  /** More than the file has: the topic grows, and keys are spread anew. Fewer is refused. */
  readonly partitions: number;
  /**
   * Which records are kept, per partition; all unless given. Enforced when something is appended to the partition. Followers of
   * this instance are told `ageMs`, and so how long it takes until they expire; by number of records nobody can tell.
   */
  readonly retain?: { readonly records?: number | undefined; readonly ageMs?: number | undefined } | undefined;
}

/** What to remove, of one partition or of all: everything before an offset, or all but the newest `keep` records. */
export type TrimTo = { readonly partition?: string | undefined } & (
  { readonly before: Offset } | { readonly keep: number }
);

/** Beyond what was just appended, retention removes this many records per partition at most, so that no append takes long. */
const trimStep = 1_000;

/** Everything that writes to the log's tables. Callers bring the transaction. */
export class LogWriter {
  private readonly tables: LogTables;
  private readonly statements: Statements;

  constructor(
    private readonly db: SqliteDatabase,
    private readonly topics: Readonly<Record<string, SqliteTopicOptions>>,
  ) {
    this.statements = new Statements(db);
    this.tables = new LogTables(this.statements);
  }

  /** Creates tables, topics and partitions that are missing. */
  install(): void {
    const { journal_mode: mode } = this.db.prepare('pragma journal_mode').get() as { journal_mode: string };
    if (mode !== 'wal')
      throw new InvalidConfiguration(
        `sqliteLog needs a file in WAL mode (it is "${mode}"), or readers would block writers: pragma journal_mode = wal`,
      );
    transaction(
      this.db,
      () => {
        this.db.exec(logSchema);
        for (const [topic, { partitions }] of Object.entries(this.topics)) this.installTopic(topic, partitions);
      },
      { doing: 'sqliteLog' },
    );
  }

  /** The log's identity. */
  get id(): string {
    return this.tables.id();
  }

  append(topic: string, records: readonly NewRecord[]): Position {
    const { partitions } = this.tables.topic(topic);
    const lanes = this.tables.lanes(topic);
    const written = new Map<Lane, { next: number; last: RecordRow }>();
    const timestamp = Date.now();
    const insert = this.statements.of(
      'insert into tidemark_log_record (partition_id, offset, timestamp, key, value, headers) values (?, ?, ?, ?, ?, ?)',
    );
    for (const record of records) {
      const lane = lanes[partitionOf(record.key, partitions)] as Lane;
      const offset = written.get(lane)?.next ?? lane.next;
      const row = rowOf(record, offset, timestamp);
      insert.run(lane.id, offset, timestamp, row.key, row.value, row.headers);
      written.set(lane, { next: offset + 1, last: row });
    }
    const entries = [...written].map(([lane, { next, last }]): Entry => {
      this.statements.run('update tidemark_log_partition set next = ? where id = ?', next, lane.id);
      this.retain({ ...lane, next }, next - lane.next);
      return { topic, partition: String(lane.partition), through: decimal(last.offset), witness: witnessOf(last) };
    });
    return { source: this.tables.source(Object.keys(this.topics)), offsets: OffsetMap.from('decimal', entries) };
  }

  trim(topic: string, to: TrimTo): void {
    this.tables.topic(topic);
    const lanes = this.tables
      .lanes(topic)
      .filter((lane) => (to.partition ?? String(lane.partition)) === String(lane.partition));
    if (lanes.length === 0)
      throw new InvalidConfiguration(`topic ${topic} has no partition ${to.partition ?? ''} to be trimmed`);
    for (const lane of lanes) {
      const first = 'keep' in to ? lane.next - count(to.keep, 'keep') : Number(decimal(to.before));
      this.trimLane(lane, Math.min(first, lane.next));
    }
  }

  recreate(topic: string): void {
    const { partitions } = this.tables.topic(topic);
    const inTopic = 'where partition_id in (select id from tidemark_log_partition where topic = ?)';
    this.statements.run(`delete from tidemark_log_record ${inTopic}`, topic);
    this.statements.run('delete from tidemark_log_partition where topic = ?', topic);
    this.statements.run('delete from tidemark_log_topic where topic = ?', topic);
    this.installTopic(topic, partitions);
  }

  private installTopic(topic: string, partitions: number): void {
    const there = this.tables.lanes(topic).length;
    if (there > partitions)
      throw new InvalidConfiguration(
        `topic ${topic} has ${there} partitions, ${partitions} were asked for: a topic can't shrink, only be recreated`,
      );
    this.statements.run(
      `insert into tidemark_log_topic (topic, epoch, partitions) values (?, ?, ?)
       on conflict (topic) do update set partitions = excluded.partitions`,
      topic,
      randomUUID(),
      partitions,
    );
    const sql = 'insert into tidemark_log_partition (topic, partition, first, next) values (?, ?, 0, 0)';
    for (let partition = there; partition < partitions; partition++) this.statements.run(sql, topic, partition);
  }

  private retain(lane: Lane, appended: number): void {
    const { records, ageMs } = this.topics[lane.topic]?.retain ?? {};
    const furthest = Math.min(lane.next, lane.first + appended + trimStep);
    const byCount = records === undefined ? lane.first : lane.next - records;
    const byAge = ageMs === undefined ? lane.first : this.firstSince(lane, Date.now() - ageMs, furthest);
    this.trimLane(lane, Math.min(Math.max(byCount, byAge), furthest));
  }

  /** The oldest record below `furthest` that is no older than `time`; `furthest` if there is none. */
  private firstSince({ id, first }: Lane, time: number, furthest: number): number {
    const sql = `select offset from tidemark_log_record
      where partition_id = ? and offset >= ? and offset < ? and timestamp >= ? order by offset limit 1`;
    const row = this.statements.get(sql, id, first, furthest, time) as { offset: number } | undefined;
    return row?.offset ?? furthest;
  }

  private trimLane({ id, first }: Lane, before: number): void {
    if (before <= first) return;
    this.statements.run('delete from tidemark_log_record where partition_id = ? and offset < ?', id, before);
    this.statements.run('update tidemark_log_partition set first = ? where id = ?', before, id);
  }
}

/** A whole number that isn't negative. Throws {@link InvalidConfiguration}. */
export function count(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidConfiguration(`${what} is a whole number, 0 or more; it was ${value}`);
  return value;
}
