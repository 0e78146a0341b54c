import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';

/** An open SQLite database. */
export type Database = DatabaseSyncInstance;

/** Opens (or creates) a database that several connections and processes use at once. */
export function openDatabase(file: string): Database {
  const db = new DatabaseSync(file, { timeout: 5000 });
  db.exec('pragma journal_mode = wal; pragma synchronous = normal');
  return db;
}

/** Does `work` in one transaction: all of it is committed, or (when it throws) nothing. */
export function transaction<T>(db: Database, work: () => T): T {
  db.exec('begin immediate');
  try {
    const result = work();
    db.exec('commit');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('rollback');
    throw error;
  }
}
