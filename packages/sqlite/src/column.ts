import { InvalidConfiguration } from '@tidemark/core';
import { types } from 'node:util';
import { type SqliteValue } from './database';

/**
 * How a row's property is stored. `boolean` is 0 or 1; `json` is text, as `JSON.stringify` writes it; `integer` takes whole
 * numbers and `bigint` within 64 bits.
 */
export type ColumnType = 'text' | 'integer' | 'real' | 'blob' | 'boolean' | 'json';

/** `any`: a column of a table that you made yourself; it takes what SQLite stores, and booleans as 0 or 1. */
export type Storage = ColumnType | 'any';

/** The SQL type that a column is created with. */
export const sqlType: Readonly<Record<ColumnType, string>> = {
  text: 'text',
  integer: 'integer',
  real: 'real',
  blob: 'blob',
  boolean: 'integer',
  json: 'text',
};

/** The storage of an existing column: texts need care (a number 1 would become '1.0'), all else SQLite converts itself. */
export const storageOf = (declared: string): Storage =>
  /char|clob|text/i.test(declared) && !/int/i.test(declared) ? 'text' : 'any';

/** A property's value as it is bound; `undefined` if the column can't hold it. */
export function bound(storage: Storage, value: unknown): SqliteValue | undefined {
  if (value === null || value === undefined) return null;
  switch (storage) {
    case 'text':
      return typeof value === 'number' || typeof value === 'bigint' ? String(value) : asText(value);
    case 'integer':
      return asInteger(value);
    case 'real':
      return asReal(value);
    case 'blob':
      return asBytes(value);
    case 'boolean':
      return typeof value === 'boolean' ? Number(value) : undefined;
    case 'json':
      return asJson(value);
    case 'any':
      return asAny(value);
  }
}

function asAny(value: unknown): SqliteValue | undefined {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'bigint') return asInteger(value);
  return asText(value) ?? asReal(value) ?? asBytes(value);
}

const asBytes = (value: unknown): Uint8Array | undefined => (types.isUint8Array(value) ? value : undefined);

/** Drivers cut a text at its first NUL character without a word. */
const asText = (value: unknown): string | undefined =>
  typeof value === 'string' && !value.includes('\0') ? value : undefined;

const asReal = (value: unknown): number | undefined =>
  typeof value === 'number' && !Number.isNaN(value) ? value : undefined;

function asInteger(value: unknown): number | bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
  return typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? value : undefined;
}

/** Throws {@link InvalidConfiguration}: a `bigint`, a cycle. */
function asJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new InvalidConfiguration('a value has no JSON form', { cause });
  }
}
