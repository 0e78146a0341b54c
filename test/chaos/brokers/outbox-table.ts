import {
  joinPositions,
  type NewRecord,
  type Position,
  positionFromJson,
  positionToJson,
  type Rows,
  type SnapshotChunk,
  snapshotOfRows,
  type SnapshotSource,
} from '@tidemark/core';
import { type SqliteDatabase } from '@tidemark/sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { type Database } from '../things';

/** A record that isn't known to be in the log yet. */
interface Waiting {
  readonly seq: number;
  readonly key: string;
  readonly value: string;
}

const schema = `
create table if not exists outbox (seq integer primary key autoincrement, key text not null, value text not null);
create table if not exists confirmed (one integer primary key check (one = 1), position text not null)`;

/** A's things less what isn't in the log yet: what a snapshot shows, under the table's own name. */
const confirmedThings = `create temp view thing as
  select id, n - coalesce(added, 0) as n, updates - coalesce(waiting, 0) as updates from main.thing
  left join (select key, sum(json_extract(value, '$.add')) as added, count(*) as waiting from outbox group by key) on key = id
  where updates > coalesce(waiting, 0)`;

/** What A has written and a broker's log may not have yet, and how far the log has it for certain. */
export class OutboxTable {
  constructor(
    private readonly db: Database,
    /** Another connection to A's file. */
    private readonly open: () => SqliteDatabase & { close(): void },
  ) {
    db.exec(schema);
  }

  /** Inside the transaction that is open on A's connection. */
  append(records: readonly NewRecord[]): void {
    const insert = this.db.prepare('insert into outbox (key, value) values (?, ?)');
    for (const { key, value } of records) insert.run(key, value);
  }

  /** The oldest. */
  next(): readonly Waiting[] {
    const select = 'select seq, key, value from outbox order by seq limit 100';
    return this.db.prepare(select).all() as Waiting[];
  }

  /** Where the log ends with what was confirmed; `undefined` before anything was. */
  get position(): Position | undefined {
    return positionIn(this.db);
  }

  /** Up to this record all are in the log, which ends there. */
  confirm(last: number, position: Position): void {
    const stored = this.position;
    this.store(last, stored === undefined ? position : joinPositions(stored, position));
  }

  /** The log was made anew and is empty: what was written so far is in A's things, and nowhere else. */
  beginAnew(position: Position): void {
    this.store(Number.MAX_SAFE_INTEGER, position);
  }

  /** Rows and the position that they have in the log, exactly: both are read in one transaction. */
  snapshot(rows: Rows<'things', SqliteDatabase>): SnapshotSource {
    return {
      open: async ({ scope, signal }) => {
        while (this.position === undefined) await pause(10, undefined, { signal });
        const reader = this.open();
        try {
          reader.exec(`${confirmedThings}; begin`);
          const snapshot = snapshotOfRows({ position: positionIn(reader)!, rows, reader, scope });
          const chunks: SnapshotChunk[] = [];
          for await (const chunk of snapshot.chunks) chunks.push(chunk);
          return { ...snapshot, chunks: slowly(chunks) };
        } finally {
          reader.close();
        }
      },
    };
  }

  async drained(): Promise<void> {
    const waiting = this.db.prepare('select count(*) as count from outbox');
    while ((waiting.get() as { count: number }).count > 0) await pause(10);
  }

  private store(last: number, position: Position): void {
    this.db.exec('begin immediate');
    this.db.prepare('delete from outbox where seq <= ?').run(last);
    this.db.prepare('insert or replace into confirmed values (1, ?)').run(JSON.stringify(positionToJson(position)));
    this.db.exec('commit');
  }
}

/** Up to where an outbox in this database knows its records to be in the log. */
export function positionIn(db: SqliteDatabase): Position | undefined {
  const row = db.prepare('select position from confirmed').get() as { position: string } | undefined;
  return row && positionFromJson(JSON.parse(row.position));
}

/** So that a fault finds a snapshot in the middle. */
async function* slowly(chunks: readonly SnapshotChunk[]): AsyncGenerator<SnapshotChunk> {
  for (const chunk of chunks) {
    await pause(5);
    yield chunk;
  }
}
