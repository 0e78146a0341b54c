import { decimal, type LogRecord, type NewRecord } from '@tidemark/core';

/** A record as it lies in `tidemark_log_record`. */
export interface RecordRow {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
  readonly headers: string | null;
}

/** The row of a new record. */
export function rowOf({ key, value, headers }: NewRecord, offset: number, timestamp: number): RecordRow {
  const pairs = Object.entries(headers ?? {});
  return {
    offset,
    timestamp,
    key: utf8(key),
    value: typeof value === 'string' ? utf8(value) : value,
    headers: pairs.length === 0 ? null : JSON.stringify(pairs),
  };
}

export function recordOf({ offset, timestamp, key, value, headers }: RecordRow): LogRecord {
  const pairs = headers === null ? [] : (JSON.parse(headers) as [string, string][]);
  return {
    key,
    value,
    headers: new Map(pairs.map(([name, text]) => [name, utf8(text)])),
    timestamp,
    offset: decimal(offset),
  };
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
