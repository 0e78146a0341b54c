import { type Change, InvalidConfiguration } from '@tidemark/core';
import { types } from 'node:util';
import { bound, type Storage } from './column';
import { type SqliteValue } from './database';
import { identifier } from './identifier';
import { type Model } from './model';
import { type Statements } from './statements';
import { createTable, existingShape, type TableOptions, type TableShape } from './table-shape';
import { type Bound, plainWrites, type TableWrites } from './table-writes';
import { type Tombstones } from './tombstones';
import { versionedWrites } from './versioned-writes';

/** What is prepared once per connection. */
interface Plan {
  readonly shape: TableShape;
  /** In the order of the upsert's values; the key is at `keyAt`. */
  readonly columns: readonly PlannedColumn[];
  readonly keyAt: number;
  /** −1: the table has none. */
  readonly versionAt: number;
  readonly writes: TableWrites;
}

interface PlannedColumn {
  readonly name: string;
  readonly storage: Storage;
  /** Every object has a property of this name, its own or not (`constructor`). */
  readonly inherited: boolean;
}

/** One keyed table: an upsert or a delete per change. */
export class TableModel<Row extends object> implements Model<Change<Row>> {
  private plan: Plan | undefined;

  constructor(
    private readonly statements: Statements,
    private readonly options: TableOptions,
    /** Given with `version`. */
    readonly tombstones?: Tombstones,
  ) {}

  prepare(): void {
    this.plan = undefined;
    const shape = existingShape(this.statements, this.options) ?? createTable(this.statements, this.options);
    this.plan = this.planOf(shape);
  }

  holdsRows(): boolean {
    if (existingShape(this.statements, this.options) === undefined) return false;
    const sql = `select 1 from ${identifier(this.options.table)} limit 1`;
    return this.statements.db.prepare(sql).get() !== undefined;
  }

  encode(change: Change<Row>): Bound {
    return change.op === 'upsert'
      ? ['upsert', ...this.values(change.row)]
      : ['remove', this.keyOf(change.key), this.versionOf(change.version)];
  }

  apply(change: Change<Row>): void {
    if (change.op === 'upsert') this.planned().writes.upsert(this.values(change.row));
    else this.planned().writes.remove(this.keyOf(change.key), this.versionOf(change.version));
  }

  replace(staged: Iterable<unknown>, _scope: string | undefined, comparable: boolean): void {
    this.planned().writes.replace(staged as Iterable<Bound>, comparable);
  }

  private planned(): Plan {
    if (this.plan !== undefined) return this.plan;
    const shape = existingShape(this.statements, this.options);
    if (shape === undefined) throw this.misfit('the table is gone');
    return (this.plan = this.planOf(shape));
  }

  private planOf(shape: TableShape): Plan {
    const { table, key, version } = this.options;
    const columns = [...shape.columns].map(([name, storage]) => ({
      name,
      storage,
      inherited: name in Object.prototype,
    }));
    const at = (column: string | undefined) => columns.findIndex(({ name }) => name === column);
    const [keyAt, versionAt] = [at(key), at(version)];
    this.tombstones?.install();
    try {
      const writes =
        version === undefined || this.tombstones === undefined
          ? plainWrites(this.statements, this.options, shape, keyAt)
          : versionedWrites(this.statements, { ...this.options, version }, shape, this.tombstones);
      return { shape, columns, keyAt, versionAt, writes };
    } catch (cause) {
      const what = `it can't be upserted by ${key}: that column must be the primary key, or unique (see cause)`;
      throw new InvalidConfiguration(`table ${table}: ${what}`, { cause });
    }
  }

  private values(row: Row): SqliteValue[] {
    const { shape, columns, keyAt, versionAt } = this.plan ?? this.planned();
    let known = 0;
    const values: SqliteValue[] = [];
    for (const { name, storage, inherited } of columns) {
      const value = inherited ? own(row, name) : (row as Record<string, unknown>)[name];
      if (value !== undefined) known++;
      // only JSON can throw
      const stored = storage === 'json' ? this.inColumn(name, () => bound(storage, value)) : bound(storage, value);
      if (stored === undefined) throw this.misfit(`its column ${name} (${storage}) can't hold a row's value`);
      values.push(stored);
    }
    if (values[keyAt] === null) throw this.misfit(`a row has no ${this.options.key}, which is the key`);
    if (values[versionAt] === null) throw this.misfit(`a row has no ${this.options.version}, which is its version`);
    if (shape.form === 'json') values.push(this.json(row));
    else if (Object.keys(row).length !== known) this.requireColumns(row);
    return values;
  }

  private keyOf(key: unknown): SqliteValue {
    const { columns, keyAt } = this.planned();
    const storage = columns[keyAt]?.storage === 'text' ? 'text' : 'any';
    const value = bound(storage, key);
    if (value === null || value === undefined) throw this.misfit('a key to remove is nothing that the table can hold');
    return value;
  }

  private versionOf(version: unknown): SqliteValue {
    if (this.options.version === undefined) return null;
    const value = bound('integer', version);
    if (value === null || value === undefined)
      throw this.misfit('a removal has no version (a whole number of 64 bits); use `remove(key, version)`');
    return value;
  }

  private json(row: Row): string {
    if (Object.values(row).some(hasNoJson))
      throw this.misfit('a row holds bytes, a bigint, a Map or a Set, which JSON can not; give `columns`');
    return this.inColumn('row', () => bound('json', row)) as string;
  }

  private inColumn<T>(name: string, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (!(cause instanceof InvalidConfiguration)) throw cause;
      throw new InvalidConfiguration(`table ${this.options.table}, column ${name}: ${cause.message}`, { cause });
    }
  }

  private requireColumns(row: Row): void {
    const { columns } = this.planned();
    const names = new Set(columns.map(({ name }) => name));
    const extra = Object.keys(row).find((name) => own(row, name) !== undefined && !names.has(name));
    if (extra !== undefined) throw this.misfit(`a row has the property ${extra}, for which there is no column`);
  }

  private misfit(what: string): InvalidConfiguration {
    return new InvalidConfiguration(`table ${this.options.table}: ${what}`);
  }
}

/** The row's own property. */
const own = (row: object, name: string): unknown =>
  Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : undefined;

const hasNoJson = (value: unknown): boolean =>
  typeof value === 'bigint' || ArrayBuffer.isView(value) || types.isMap(value) || types.isSet(value);
