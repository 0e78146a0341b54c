import { InvalidConfiguration } from '@tidemark/core';
import { type ColumnType, sqlType, type Storage, storageOf } from './column';
import { identifier } from './identifier';
import { type Statements } from './statements';

/** Which table, its key, and (where it is to be created, or only some columns are the row's) its columns. */
export interface TableOptions {
  readonly table: string;
  readonly key: string;
  readonly columns?: Readonly<Record<string, ColumnType>> | undefined;
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
export function existingShape(statements: Statements, { table, key, columns }: TableOptions): TableShape | undefined {
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
  if (columns === undefined) {
    if (found.get(jsonColumn) === jsonType) return { form: 'json', columns: new Map([[key, 'text']]) };
    return { form: 'columns', columns: new Map([...found].map(([name, type]) => [name, storageOf(type)])) };
  }
  for (const name of Object.keys(columns)) if (!found.has(name)) throw fail(name, 'is in `columns`');
  return { form: 'columns', columns: new Map(Object.entries(columns)) };
}

/** Creates the table, and answers with its shape. */
export function createTable(statements: Statements, { table, key, columns }: TableOptions): TableShape {
  if (columns === undefined && key === jsonColumn)
    throw new InvalidConfiguration(
      `table ${table}: a key named ${key} needs \`columns\`; that column would hold the JSON`,
    );
  const declared =
    columns === undefined
      ? [`${identifier(key)} text not null`, `${identifier(jsonColumn)} ${jsonType} not null`]
      : Object.entries(columns).map(
          ([name, type]) => `${identifier(name)} ${sqlType[type]}${name === key ? ' not null' : ''}`,
        );
  statements.db.exec(`create table ${identifier(table)} (${declared.join(', ')}, primary key (${identifier(key)}))`);
  return columns === undefined
    ? { form: 'json', columns: new Map([[key, 'text']]) }
    : { form: 'columns', columns: new Map(Object.entries(columns)) };
}

/** Insert, or update what differs: a row that stays the same is not written, so triggers see changes only. */
export function upsertSql(table: string, key: string, { form, columns }: TableShape): string {
  const names = form === 'json' ? [key, jsonColumn] : [...columns.keys()];
  const quoted = names.map(identifier);
  const others = names.filter((name) => name !== key).map(identifier);
  const insert =
    `insert into ${identifier(table)} as target (${quoted.join(', ')}) ` +
    `values (${quoted.map(() => '?').join(', ')}) on conflict (${identifier(key)}) do`;
  if (others.length === 0) return `${insert} nothing`;
  const set = others.map((name) => `${name} = excluded.${name}`).join(', ');
  const differs = others.map((name) => `target.${name} is not excluded.${name} collate binary`).join(' or ');
  return `${insert} update set ${set} where ${differs}`;
}
