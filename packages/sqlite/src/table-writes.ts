import { type SqliteStatement, type SqliteValue } from './database';
import { identifier } from './identifier';
import { type Statements } from './statements';
import { type TableOptions, type TableShape, upsertSql } from './table-shape';

/** A change whose values are checked and in the table's form: what is staged. A removal's version is null where none counts. */
export type Bound = readonly ['upsert', ...SqliteValue[]] | readonly ['remove', key: SqliteValue, version: SqliteValue];

/** What is prepared once per connection for one table. Values stand in the order of the shape's columns. */
export interface TableWrites {
  upsert(values: readonly SqliteValue[]): void;
  remove(key: SqliteValue, version: SqliteValue): void;
  /** Makes the rows exactly what was staged. `comparable`: what was deleted before stays deleted. */
  replace(staged: Iterable<Bound>, comparable: boolean): void;
}

/** What comes later wins. */
export function plainWrites(
  statements: Statements,
  { table, key }: TableOptions,
  shape: TableShape,
  keyAt: number,
): TableWrites {
  const { db } = statements;
  const upsert: SqliteStatement = statements.of(upsertSql(table, key, shape));
  const remove: SqliteStatement = statements.of(`delete from ${identifier(table)} where ${identifier(key)} = ?`);
  return {
    upsert: (values) => void upsert.run(...values),
    remove: (of) => void remove.run(of),
    /** What vanished is deleted first, so that its unique values are free. The last change of a key wins. */
    replace: (staged) => {
      db.exec('create temp table tidemark_kept (key primary key)');
      const keep = db.prepare('insert or ignore into temp.tidemark_kept values (?)');
      for (const change of staged) if (change[0] === 'upsert') keep.run(change[keyAt + 1] ?? null);
      db.exec(`delete from ${identifier(table)} where ${identifier(key)} not in (select key from temp.tidemark_kept)`);
      db.exec('drop table temp.tidemark_kept');
      for (const [op, ...values] of staged)
        if (op === 'upsert') upsert.run(...values);
        else remove.run(values[0] ?? null);
    },
  };
}
