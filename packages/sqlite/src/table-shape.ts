import { InvalidConfiguration } from '@tidemark/core';
import { type ColumnType, sqlType, type Storage, storageOf } from './column';
import { identifier } from './identifier';
import { type Statements } from './statements';

/** Which table, its key, and (where it is to be created, or only some columns are the row's) its columns. */
export interface TableOptions {
  readonly table: string;
  readonly key: string;
  readonly columns?: Readonly<Record<string, ColumnType>> | undefined;
  /** The column by which newer rows win. */
  readonly version?: string | undefined;
}

/** How a row is stored: in columns, or (a table made without `columns`) as key and JSON. */
export interface TableShape {
  readonly form: 'columns' | 'json';
  /** Name → storage; the key is among them. */
  readonly columns: ReadonlyMap<string, Storage>;
}

/** The column that holds the row's JSON; its type's name says that Tidemark made it, and keeps TEXT affinity. */
const jsonColumn = 'row';
const jsonType = 'json_text';

/** The shape of a table that exists; `undefined` if it doesn't. Throws {@link InvalidConfiguration} where it can't be used. */
export function existingShape(statements: Statements, options: TableOptions): TableShape | undefined {
  const { table, key, columns, version } = options;
  const found = new Map(
    statements.db
      .prepare(`pragma table_info(${identifier(table)})`)
      .all()
      .map((row) => row as { name: string; type: string })
      .map(({ name, type }) => [name, type] as const),
  );
  if (found.size === 0) return undefined;
  const fail = (name: string, what: string) =>
    new InvalidConfiguration(`table ${table} has no column ${name}, which ${what}`);
  if (!found.has(key)) throw fail(key, 'is the key');
  if (version !== undefined) {
    if (!found.has(version)) throw fail(version, 'is the version; add it, or drop the table');
    if (!/int/i.test(found.get(version) ?? ''))
      throw new InvalidConfiguration(`table ${table}: its column ${version}, the version, must be declared integer`);
  }
  if (columns === undefined) {
    if (found.get(jsonColumn) === jsonType) return jsonShape(options);
    const stored = [...found].map(([name, type]) => [name, name === version ? 'integer' : storageOf(type)] as const);
    return { form: 'columns', columns: new Map(stored) };
  }
  for (const name of Object.keys(columns)) if (!found.has(name)) throw fail(name, 'is in `columns`');
  return { form: 'columns', columns: new Map(Object.entries(columns)) };
}

/** Creates the table, and answers with its shape. */
export function createTable(statements: Statements, options: TableOptions): TableShape {
  const { table, key, columns, version } = options;
  if (columns === undefined && (key === jsonColumn || version === jsonColumn))
    throw new InvalidConfiguration(
      `table ${table}: a column named ${jsonColumn} needs \`columns\`; it would hold the JSON`,
    );
  const declared =
    columns === undefined
      ? [
          `${identifier(key)} text not null`,
          ...(version === undefined ? [] : [`${identifier(version)} integer not null`]),
          `${identifier(jsonColumn)} ${jsonType} not null`,
        ]
      : Object.entries(columns).map(
          ([name, type]) =>
            `${identifier(name)} ${sqlType[type]}${name === key || name === version ? ' not null' : ''}`,
        );
  statements.db.exec(`create table ${identifier(table)} (${declared.join(', ')}, primary key (${identifier(key)}))`);
  return columns === undefined ? jsonShape(options) : { form: 'columns', columns: new Map(Object.entries(columns)) };
}

const jsonShape = ({ key, version }: TableOptions): TableShape => ({
  form: 'json',
  columns: new Map<string, Storage>([
    [key, 'text'],
    ...(version === undefined ? [] : ([[version, 'integer']] as const)),
  ]),
});

/**
 * Insert, or update what differs: a row that stays the same is not written, so triggers see changes only. With `version`
 * nothing is written that is older than the row, or not newer than its tombstone: owner, the tombstone's key and the version
 * follow the values.
 */
export function upsertSql(table: string, key: string, { form, columns }: TableShape, version?: string): string {
  const names = form === 'json' ? [...columns.keys(), jsonColumn] : [...columns.keys()];
  const quoted = names.map(identifier);
  const others = names.filter((name) => name !== key).map(identifier);
  const parameters = quoted.map(() => '?').join(', ');
  const buried = 'select 1 from tidemark_tombstone where owner = ? and key = ? and version >= ?';
  const given = version === undefined ? `values (${parameters})` : `select ${parameters} where not exists (${buried})`;
  const insert =
    `insert into ${identifier(table)} as target (${quoted.join(', ')}) ${given} ` +
    `on conflict (${identifier(key)}) do`;
  if (others.length === 0) return `${insert} nothing`;
  const set = others.map((name) => `${name} = excluded.${name}`).join(', ');
  const differs = others.map((name) => `target.${name} is not excluded.${name} collate binary`).join(' or ');
  if (version === undefined) return `${insert} update set ${set} where ${differs}`;
  const [now, then] = [`excluded.${identifier(version)}`, `target.${identifier(version)}`];
  return `${insert} update set ${set} where (${then} is null or ${now} >= ${then}) and (${differs})`;
}
