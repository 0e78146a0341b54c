import { InvalidConfiguration } from '@tidemark/core';
import { type SqliteDatabase } from './database';
import { asSyncError, isNested } from './sql-error';

/** What a transaction is for, and how to find out whether it was committed. */
export interface Transacting<T> {
  /** For messages: `replica table:work`. */
  readonly doing: string;
  /** Asked when `COMMIT` failed and the transaction is gone: is its effect there? Without it the answer is no. */
  readonly landed?: ((result: T) => boolean) | undefined;
}

/**
 * Does `work` in one writing transaction (`BEGIN IMMEDIATE`: the write lock comes first, so what is read inside stays true).
 * Whatever `work` throws rolls everything back. Throws `Unavailable` when SQLite fails and
 * {@link InvalidConfiguration} when a transaction is open on this connection already.
 */
export function transaction<T>(db: SqliteDatabase, work: () => T, { doing, landed }: Transacting<T>): T {
  begin(db, 'begin immediate', doing);
  let result: T;
  try {
    result = work();
  } catch (error) {
    rollback(db);
    throw asSyncError(error, doing);
  }
  try {
    db.exec('commit');
  } catch (error) {
    // Still open: rolled back, so certainly not committed. Gone: only the data can tell.
    if (rollback(db) || landed === undefined || !told(() => landed(result))) throw asSyncError(error, doing);
  }
  return result;
}

/**
 * Does `work` inside the transaction that is open on this connection (as a savepoint: all of it or nothing), or else in one of
 * its own. Throws as {@link transaction}.
 */
export function joining<T>(db: SqliteDatabase, work: () => T, doing: string): T {
  if (!inTransaction(db, doing)) return transaction(db, work, { doing });
  try {
    db.exec('savepoint tidemark');
    const result = work();
    db.exec('release tidemark');
    return result;
  } catch (error) {
    try {
      db.exec('rollback to tidemark; release tidemark');
    } catch {
      // SQLite has ended the whole transaction already.
    }
    throw asSyncError(error, doing);
  }
}

/** Does `work` in one reading transaction: everything that it reads is of one moment. Throws as {@link transaction}. */
export function reading<T>(db: SqliteDatabase, work: () => T, doing: string): T {
  begin(db, 'begin', doing);
  try {
    const result = work();
    db.exec('commit');
    return result;
  } catch (error) {
    rollback(db);
    throw asSyncError(error, doing);
  }
}

function begin(db: SqliteDatabase, sql: string, doing: string): void {
  try {
    db.exec(sql);
  } catch (error) {
    if (!isNested(error)) throw asSyncError(error, doing);
    throw new InvalidConfiguration(
      `${doing}: a transaction of yours is open on this connection; commit it first, or give Tidemark its own connection`,
    );
  }
}

/** Is a transaction open? From drivers that can't tell, a `BEGIN` finds out: it takes no lock, and fails inside a transaction. */
export function inTransaction(db: SqliteDatabase, doing: string): boolean {
  if (db.isTransaction !== undefined) return db.isTransaction;
  try {
    db.exec('begin');
    db.exec('rollback');
    return false;
  } catch (error) {
    if (isNested(error)) return true;
    throw asSyncError(error, doing);
  }
}

/** False: there was no transaction any more. */
function rollback(db: SqliteDatabase): boolean {
  try {
    db.exec('rollback');
    return true;
  } catch {
    return false;
  }
}

function told(ask: () => boolean): boolean {
  try {
    return ask();
  } catch {
    return false;
  }
}

/** The promise of a synchronous piece of work: what it throws becomes the rejection. */
export const promised = <T>(work: () => T): Promise<T> =>
  new Promise((resolve) => {
    resolve(work());
  });
