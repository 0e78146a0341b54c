import { DatabaseSync } from '@photostructure/sqlite';
import * as t from 'io-ts';

/** A's things, and what B holds of them. Effects are additive: what is lost or doubled shows in `n` and `updates`. */
export interface Thing {
  readonly id: string;
  readonly n: number;
  readonly updates: number;
}

export type Database = InstanceType<typeof DatabaseSync>;

export const Row = t.type({ id: t.string, n: t.number, updates: t.number });

/** `seq`: how many updates of the thing there are, with this one. */
export const Update = t.type({ id: t.string, add: t.number, seq: t.number });
export type Update = t.TypeOf<typeof Update>;

export function openFile(file: string): Database {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  for (const end = performance.now() + 5_000; ;)
    try {
      // nobody pulls the plug here: a killed process loses nothing that was written
      db.exec('pragma journal_mode = wal; pragma synchronous = normal');
      return db;
    } catch (error) {
      // the first two that open a new file: SQLite doesn't let one wait while the other switches it to WAL
      if (!isBusy(error) || performance.now() > end) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
}

const isBusy = (error: unknown): boolean => (error as { errcode?: number }).errcode === 5;

/** B's table; `disorder` counts the updates that weren't the next of their thing. */
export const replicaSchema = `create table if not exists thing (
  id text primary key, n integer not null, updates integer not null, disorder integer not null)`;

/** A's table, and all that was ever written: the log may be trimmed, this isn't. */
export const sourceSchema = `
create table if not exists thing (id text primary key, n integer not null, updates integer not null);
create table if not exists journal (seq integer primary key, id text not null, added integer not null)`;

/** One update of a thing, inside the caller's transaction. */
export function updateThing(db: Database, id: string, add: number): Update {
  const sql = `insert into thing values (?, ?, 1)
    on conflict (id) do update set n = n + excluded.n, updates = updates + 1 returning updates`;
  const { updates } = db.prepare(sql).get(id, add) as { updates: number };
  return { id, add, seq: updates };
}

export const thingsIn = (db: Database): Thing[] =>
  db.prepare('select id, n, updates from thing order by id').all() as Thing[];

/** The things, as any reader of the database sees them. */
export function thingsOf(file: string): Thing[] {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  try {
    return thingsIn(db);
  } finally {
    db.close();
  }
}
