import { type SqliteDatabase, type SqliteStatement, type SqliteValue } from './database';

/** Prepared statements of one connection, each prepared once. The cache also keeps them alive while they are iterated. */
export class Statements {
  private readonly prepared = new Map<string, SqliteStatement>();

  constructor(readonly db: SqliteDatabase) {}

  of(sql: string): SqliteStatement {
    let statement = this.prepared.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      this.prepared.set(sql, statement);
    }
    return statement;
  }

  run(sql: string, ...values: SqliteValue[]): void {
    this.of(sql).run(...values);
  }

  /** The first row, `undefined` if there is none. */
  get(sql: string, ...values: SqliteValue[]): unknown {
    return this.of(sql).get(...values);
  }

  /** All rows. The caller states their shape, as its own SQL gives it. */
  all<Row>(sql: string, ...values: SqliteValue[]): Row[] {
    return this.of(sql).all(...values) as Row[];
  }

  iterate<Row>(sql: string, ...values: SqliteValue[]): Iterable<Row> {
    return this.of(sql).iterate(...values) as Iterable<Row>;
  }

  /** Does the file have this table (or view)? */
  has(table: string): boolean {
    const sql = `select 1 from sqlite_master where type in ('table', 'view') and name = ? collate nocase`;
    return this.get(sql, table) !== undefined;
  }
}
