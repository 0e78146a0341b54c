export type { ColumnType } from './column';
export type { SqliteDatabase, SqliteStatement, SqliteValue } from './database';
export { sqliteTable } from './sqlite-table';
export type { SqliteTableOptions } from './sqlite-table';
