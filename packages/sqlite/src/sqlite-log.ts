import {
  type Description,
  InvalidConfiguration,
  type Log,
  type LossReason,
  type NewRecord,
  type Offset,
  type Page,
  type PagedLog,
  pagedTransport,
  type Partition,
  type Point,
  type Position,
  type PositionStore,
  type Rows,
  type ShareOptions,
  type Snapshot,
  snapshotOfRows,
  type SnapshotChunk,
  type SnapshotRequest,
  type SnapshotSource,
  type Start,
  type Transport,
  type TransportEvent,
  type Verification,
} from '@tidemark/core';
import { type SqliteDatabase } from './database';
import { storable } from './identifier';
import { LogReader } from './log-reader';
import { kind } from './log-tables';
import { count, LogWriter, type SqliteTopicOptions, type TrimTo } from './log-writer';
import { SnapshotConnection } from './snapshot-connection';
import { SnapshotReading } from './snapshot-reading';
import { sqlitePositions } from './sqlite-positions';
import { asSyncError } from './sql-error';
import { joining, promised, transaction } from './transaction';

export interface SqliteLogOptions<Topic extends string> {
  /** Opens another connection to the same file, for reading. The log closes what it opened so. */
  readonly reader: () => SqliteDatabase;
  readonly topics: { readonly [T in Topic]: SqliteTopicOptions };
  /** Divides the partitions among several readers by leases: `reads` becomes `'share'`. Without it each reads all of them. */
  readonly share?: ShareOptions | undefined;
  /** How long reading a snapshot may take, in milliseconds; default 60,000. Until it ends, the WAL can't be reset. */
  readonly snapshotDeadlineMs?: number | undefined;
}

/** A log inside your own database. Partitions are named `0`, `1`, …; offsets count up from `0` in each. */
export interface SqliteLog<Topic extends string = string> extends Log<Topic>, PagedLog<Topic> {
  /**
   * Appends inside the transaction that is open on the connection, or in one of its own: rows and records commit together.
   * A record's partition is the CRC-32 of its key (UTF-8) modulo their number. Answers with the position of what was
   * appended, which is true once the transaction has committed.
   */
  append(topic: Topic, records: readonly NewRecord[]): Position;
  /** Removes old records; whoever hasn't read them is `lost` with `expired`. Inside your transaction, if one is open. */
  trim(topic: Topic, to: TrimTo): void;
  /** Deletes the topic and creates it again, empty, under a new epoch. Inside your transaction, if one is open. */
  recreate(topic: Topic): void;
  /**
   * Your tables at an exact position of the log: both are read in one transaction, on a connection of its own, which your
   * functions receive. Read through it and nothing else: another connection may see later commits.
   */
  snapshot(rows: Rows<Topic, SqliteDatabase>): SnapshotSource;
}

/**
 * A's tables and its log in one SQLite file (in WAL mode): append in the transaction that changes your tables, and no update is
 * ever lost between the two. Throws `InvalidConfiguration` where the options don't fit the file, `Unavailable` while it is
 * locked.
 *
 * @example
 * const open = () => new DatabaseSync('y.db', { timeout: 5000 });
 * const db = open();
 * db.exec('pragma journal_mode = wal');
 * const log = sqliteLog(db, { reader: open, topics: { assignments: { partitions: 4 } } });
 * db.exec('begin immediate');
 * db.prepare('insert into assignment values (?, ?)').run('1', 'me');
 * log.append('assignments', [{ key: '1', value: '{"assignee":"me"}' }]);
 * db.exec('commit');
 */
export function sqliteLog<Topic extends string>(
  db: SqliteDatabase,
  options: SqliteLogOptions<Topic>,
): SqliteLog<Topic> {
  const topics = options.topics as Readonly<Record<string, SqliteTopicOptions>>;
  for (const [topic, { partitions, retain }] of Object.entries(topics)) {
    storable(topic, 'a topic name');
    if (count(partitions, `topic ${topic}: partitions`) === 0)
      throw new InvalidConfiguration(`topic ${topic} needs at least one partition`);
    count(retain?.records ?? 0, `topic ${topic}: retain.records`);
    count(retain?.ageMs ?? 0, `topic ${topic}: retain.ageMs`);
  }
  const writer = new LogWriter(db, topics);
  writer.install();
  return new EmbeddedLog(db, writer, options);
}

class EmbeddedLog<Topic extends string> implements SqliteLog<Topic> {
  readonly kind = kind;
  readonly reads: 'all' | 'share';
  readonly topics: { readonly [T in Topic]: string };
  readonly positions: PositionStore;
  private readonly names: readonly string[];
  private readonly transport: Transport<Topic>;
  private opened: LogReader | undefined;
  private disposed = false;

  constructor(
    private readonly db: SqliteDatabase,
    private readonly writer: LogWriter,
    private readonly options: SqliteLogOptions<Topic>,
  ) {
    this.names = Object.keys(options.topics);
    this.topics = Object.fromEntries(this.names.map((name) => [name, name])) as { [T in Topic]: string };
    this.transport = pagedTransport<Topic>(this, { share: options.share });
    this.reads = this.transport.reads;
    this.positions = sqlitePositions(db, { name: 'log' });
  }

  append(topic: Topic, records: readonly NewRecord[]): Position {
    return joining(this.db, () => this.writer.append(topic, records), `append to ${topic}`);
  }

  trim(topic: Topic, to: TrimTo): void {
    joining(this.db, () => this.writer.trim(topic, to), `trim ${topic}`);
  }

  recreate(topic: Topic): void {
    joining(this.db, () => this.writer.recreate(topic), `recreate ${topic}`);
  }

  publish(topic: Topic, records: readonly NewRecord[]): Promise<Position> {
    return promised(() =>
      transaction(this.db, () => this.writer.append(topic, records), { doing: `publish to ${topic}` }),
    );
  }

  describe(): Promise<Description> {
    return promised(() => this.reader().describe());
  }

  page(partition: Partition, after: Offset): Promise<Page | { readonly lost: LossReason }> {
    return promised(() => this.reader().page(partition, after));
  }

  locate(point: Point): Promise<Position> {
    return promised(() => this.reader().locate(point));
  }

  identify(signal: AbortSignal): ReturnType<Log['identify']> {
    return this.transport.identify(signal);
  }

  verify(position: Position, signal: AbortSignal): Promise<Verification> {
    return this.transport.verify(position, signal);
  }

  read(start: Start, signal: AbortSignal): AsyncIterable<TransportEvent<Topic>> {
    return this.transport.read(start, signal);
  }

  snapshot(rows: Rows<Topic, SqliteDatabase>): SnapshotSource {
    return { open: (request) => promised(() => this.openSnapshot(rows, request)) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
    this.opened?.db.close();
    this.opened = undefined;
    return Promise.resolve();
  }

  private openSnapshot(rows: Rows<Topic, SqliteDatabase>, { scope, signal }: SnapshotRequest): Snapshot {
    signal.throwIfAborted();
    const reader = this.openReader();
    const db = new SnapshotConnection(reader.db);
    const close = (): void => {
      db.close();
    };
    try {
      db.exec('begin');
      const snapshot = snapshotOfRows({ position: reader.head(), rows, reader: db, scope });
      const chunks: AsyncIterator<SnapshotChunk, unknown> = snapshot.chunks[Symbol.asyncIterator]();
      const deadlineMs = this.options.snapshotDeadlineMs ?? 60_000;
      return { ...snapshot, chunks: new SnapshotReading(chunks, { deadlineMs, signal, close }) };
    } catch (error) {
      close();
      throw asSyncError(error, 'snapshot of sqliteLog');
    }
  }

  private reader(): LogReader {
    return (this.opened ??= this.openReader());
  }

  private openReader(): LogReader {
    if (this.disposed) throw new InvalidConfiguration('this sqliteLog is disposed; open another one');
    const db = this.options.reader();
    if (db === this.db)
      throw new InvalidConfiguration(
        'sqliteLog: `reader` must open a connection of its own, not return the writing one',
      );
    try {
      db.exec('pragma query_only = on');
      const reader = new LogReader(db, this.options.topics);
      reader.requireLog(this.writer.id);
      return reader;
    } catch (error) {
      db.close();
      throw asSyncError(error, 'sqliteLog');
    }
  }
}
