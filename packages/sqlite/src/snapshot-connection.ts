import { type SqliteDatabase, type SqliteStatement } from './database';

/**
 * A connection that keeps every statement prepared on it until it is closed: `@photostructure/sqlite` frees one that is being
 * iterated once nobody else refers to it, and rows are naturally written `reader.prepare(…).iterate()`.
 */
export class SnapshotConnection implements SqliteDatabase {
  private kept: SqliteStatement[] = [];

  constructor(private readonly db: SqliteDatabase) {}

  get isTransaction(): boolean | undefined {
    return this.db.isTransaction;
  }

  exec(sql: string): void {
    this.db.exec(sql);
  }

  prepare(sql: string): SqliteStatement {
    const statement = this.db.prepare(sql);
    this.kept.push(statement);
    return statement;
  }

  close(): void {
    this.db.close();
    this.kept = [];
  }
}
