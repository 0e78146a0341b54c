import {
  type Description,
  compareOffsets,
  type Entry,
  InvalidConfiguration,
  type LogRecord,
  type LossReason,
  type Mark,
  type Offset,
  OffsetMap,
  type Page,
  type Partition,
  type Point,
  type Position,
  before,
  following,
} from '@tidemark/core';
import { type SqliteDatabase } from './database';
import { recordOf, type RecordRow } from './log-record';
import { headOf, type Lane, LogTables, trimmedOf } from './log-tables';
import { type SqliteTopicOptions } from './log-writer';
import { Statements } from './statements';
import { reading } from './transaction';

/** Records and bytes a page, at most (one record is always let in). */
const pageRecords = 1_000;
const pageBytes = 1024 * 1024;

/** One reading connection on the log. Each call reads in one transaction: what it answers is of one moment. */
export class LogReader {
  private readonly tables: LogTables;
  private readonly statements: Statements;
  private readonly topics: readonly string[];
  /** As first described here. A cursor beyond the end of a topic that was made anew since then is of the old one. */
  private readonly epochs = new Map<string, string>();

  constructor(
    readonly db: SqliteDatabase,
    private readonly options: Readonly<Record<string, SqliteTopicOptions>>,
  ) {
    this.topics = Object.keys(options);
    this.statements = new Statements(db);
    this.tables = new LogTables(this.statements);
  }

  /** Throws {@link InvalidConfiguration} if this connection is of another file. */
  requireLog(id: string): void {
    if (!this.statements.has('tidemark_log') || this.tables.id() !== id)
      throw new InvalidConfiguration("sqliteLog: `reader` opens another file than the log's");
  }

  describe(): Description {
    return this.reading(() => {
      const source = this.tables.source(this.topics);
      for (const [topic, epoch] of Object.entries(source.epochs))
        if (!this.epochs.has(topic)) this.epochs.set(topic, epoch);
      return {
        source,
        partitions: this.lanes().map((lane) => {
          const retentionMs = this.options[lane.topic]?.retain?.ageMs;
          return { ...nameOf(lane), trimmed: trimmedOf(lane), head: headOf(lane), retentionMs };
        }),
      };
    });
  }

  page({ topic, partition }: Partition, after: Offset): Page | { readonly lost: LossReason } {
    return this.reading(() => {
      const lane = this.topics.includes(topic) ? this.tables.lane(topic, partition) : undefined;
      if (lane === undefined) return { lost: 'unknown' };
      if (compareOffsets('decimal', after, trimmedOf(lane)) < 0) return { lost: 'expired' };
      const { epoch } = this.tables.topic(topic);
      const recreated = epoch !== (this.epochs.get(topic) ?? epoch);
      if (compareOffsets('decimal', after, headOf(lane)) > 0) return { lost: recreated ? 'changed' : 'ahead' };
      const records = this.records(lane, after);
      const through = records.at(-1)?.offset ?? after;
      return {
        records,
        through,
        atHead: through === headOf(lane),
        lag: BigInt(lane.next) - BigInt(following(through)),
        epoch,
        witness: this.tables.witness(lane.id, after),
      };
    });
  }

  locate(point: Point): Position {
    return this.reading(() => this.position((lane) => this.tables.mark(lane, this.place(lane, point))));
  }

  /** Where the log ends. Callers bring the transaction. */
  head(): Position {
    return this.position((lane) => this.tables.mark(lane, headOf(lane)));
  }

  private position(mark: (lane: Lane) => Mark): Position {
    const entries = this.lanes().map((lane): Entry => ({ ...nameOf(lane), ...mark(lane) }));
    return { source: this.tables.source(this.topics), offsets: OffsetMap.from('decimal', entries) };
  }

  private place(lane: Lane, point: Point): Offset {
    if (point === 'beginning') return trimmedOf(lane);
    if (point === 'head') return headOf(lane);
    if ('headLess' in point) return before(Math.max(lane.first, lane.next - point.headLess));
    const sql = 'select min(offset) as offset from tidemark_log_record where partition_id = ? and timestamp >= ?';
    const found = this.statements.get(sql, lane.id, point.time.getTime()) as { offset: number | null };
    return before(found.offset ?? lane.next);
  }

  private records({ id }: Lane, after: Offset): LogRecord[] {
    const sql = `select offset, timestamp, key, value, headers from tidemark_log_record
      where partition_id = ? and offset > ? order by offset limit ${pageRecords}`;
    const records: LogRecord[] = [];
    let bytes = 0;
    for (const row of this.statements.iterate<RecordRow>(sql, id, after === 'beginning' ? -1 : Number(after))) {
      bytes += row.key.length + (row.value?.length ?? 0);
      if (records.length > 0 && bytes > pageBytes) break;
      records.push(recordOf(row));
    }
    return records;
  }

  private lanes(): Lane[] {
    return this.topics.flatMap((topic) => this.tables.lanes(topic));
  }

  private reading<T>(work: () => T): T {
    return reading(this.db, work, 'sqliteLog');
  }
}

const nameOf = ({ topic, partition }: Lane): Partition => ({ topic, partition: String(partition) });
