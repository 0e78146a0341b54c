import { type Change, InvalidConfiguration, type Replica, type VersionedChange } from '@tidemark/core';
import { type ColumnType } from './column';
import { type SqliteDatabase } from './database';
import { identifier, reserved, storable } from './identifier';
import { ReplicaEngine } from './replica-engine';
import { Statements } from './statements';
import { TableModel } from './table-model';
import { Tombstones } from './tombstones';

export interface SqliteTableOptions<Row extends object> {
  /** The table's name. It is used as it is if it exists; else it is created when the first snapshot is taken. */
  readonly table: string;
  /** The row's property (and column) that identifies it: the primary key, or a unique column. */
  readonly key: keyof Row & string;
  /**
   * The columns, by property, the key among them. Without it, an existing table's columns are all the row's, and a new
   * table holds the key and the row as JSON text (`row`). Properties that a row lacks are stored as null.
   */
  readonly columns?: { readonly [Column in keyof Row & string]?: ColumnType } | undefined;
  /**
   * The row's property (an integer column) by which newer rows win, whichever partition they come by (I3). Whole numbers of 64
   * bits, `bigint` beyond 2^53. Removals need a version then, and are remembered in `tidemark_tombstone` for as long as an
   * older update could come.
   */
  readonly version?: (keyof Row & string) | undefined;
}

/**
 * A managed table as a replica: `upsert(row)` and `remove(key)`, exactly once, in one transaction with the position. Others may
 * read the table at any time and see whole transactions only. `InvalidConfiguration` is thrown, or rejects a call before
 * anything is written, where options, table and rows don't fit together.
 *
 * @example
 * const db = new DatabaseSync('x.db', { timeout: 5000 });
 * const work = sqliteTable<Work>(db, { table: 'work', key: 'workId', columns: { workId: 'text', assignee: 'text' } });
 * pipeline = source.pipe(translate(toChanges), applyTo(work));
 */
export function sqliteTable<Row extends object>(
  db: SqliteDatabase,
  options: SqliteTableOptions<Row> & { readonly version: keyof Row & string },
): Replica<VersionedChange<Row>>;
export function sqliteTable<Row extends object>(
  db: SqliteDatabase,
  options: SqliteTableOptions<Row>,
): Replica<Change<Row>>;
export function sqliteTable<Row extends object>(
  db: SqliteDatabase,
  options: SqliteTableOptions<Row>,
): Replica<Change<Row>> {
  const { table, key, version } = options;
  const columns = options.columns as Readonly<Record<string, ColumnType>> | undefined;
  for (const name of [table, key, ...Object.keys(columns ?? {})]) identifier(name);
  const owner = `table:${lowerCase(storable(table, 'a table name'))}`;
  if (lowerCase(table).startsWith(reserved) || lowerCase(table).startsWith('sqlite_'))
    throw new InvalidConfiguration(`table ${table}: names beginning with ${reserved} or sqlite_ are taken`);
  if (columns !== undefined && !Object.hasOwn(columns, key))
    throw new InvalidConfiguration(`table ${table}: its key ${key} is not among \`columns\``);
  if (version !== undefined) {
    identifier(version);
    if (version === key) throw new InvalidConfiguration(`table ${table}: ${key} can't be both key and version`);
    if (columns !== undefined && columns[version] !== 'integer')
      throw new InvalidConfiguration(`table ${table}: its version ${version} must be an integer among \`columns\``);
  }
  const statements = new Statements(db);
  const tombstones = version === undefined ? undefined : new Tombstones(statements, owner);
  return new ReplicaEngine(db, owner, new TableModel<Row>(statements, { table, key, columns, version }, tombstones));
}

/** SQLite's names differ by more than the case of ASCII letters. */
const lowerCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
