/**
 * What Tidemark needs of a SQLite database: the shape of `DatabaseSync` in `node:sqlite` (Node 22.5 and later) and in
 * `@photostructure/sqlite` (Node 20). Open it with a busy timeout (`timeout: 5000`), or two processes on one file will meet
 * "database is locked" at once instead of waiting for each other.
 */
export interface SqliteDatabase {
  /** Is a transaction open on this connection? Where the driver can't tell, a failing `BEGIN` does. */
  readonly isTransaction?: boolean | undefined;
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

/** A prepared statement, as `StatementSync` in `node:sqlite`. */
export interface SqliteStatement {
  run(...values: SqliteValue[]): unknown;
  get(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
  iterate(...values: SqliteValue[]): Iterable<unknown>;
}

/** What SQLite stores. */
export type SqliteValue = null | number | bigint | string | Uint8Array;
