import { isUtf8 } from 'node:buffer';
import { type LogRecord, type OffsetOrder, SyncError, TransportFault } from '@tidemark/core';
import { decodeOffset, encodeOffset } from './feed-token';

/**
 * A record as a change message of the State Protocol, as JSON text. Any consumer of that protocol can read it; what has no
 * form there stands in `headers.tidemark`, so that {@link recordOf} gives back the same bytes. docs/spec/feed.md, section 4.
 */
export function messageText(topic: string, order: OffsetOrder, record: LogRecord): string {
  const offset = encodeOffset(order, record.offset);
  const extra: Extra = {};
  const key = keyText(record.key, offset, extra);
  const value = record.value === null ? '' : `"value":${valueText(record.value, extra)},`;
  const timestamp = timestampText(record.timestamp, extra);
  if (record.headers.size > 0) extra.fields = [...record.headers].map(([name, bytes]) => fieldOf(name, bytes));
  const operation = record.value === null ? 'delete' : 'update';
  const ours = Object.keys(extra).length === 0 ? '' : `,"tidemark":${JSON.stringify(extra)}`;
  return (
    `{"type":${JSON.stringify(topic)},"key":${JSON.stringify(key)},${value}` +
    `"headers":{"operation":"${operation}",${timestamp}"offset":"${offset}"${ours}}}`
  );
}

/** The record of a message that {@link messageText} made. Throws {@link TransportFault} for any other message. */
export function recordOf(topic: string, order: OffsetOrder, message: unknown): LogRecord {
  try {
    return readRecord(topic, order, message);
  } catch (cause) {
    const what = cause instanceof SyncError ? cause.message : 'it is nested too deeply';
    throw new TransportFault(`a feed message of topic ${topic} can't be read: ${what}`, { cause });
  }
}

/** What the State Protocol has no form for. */
interface Extra {
  /** `base64`: the key isn't UTF-8. `empty`: it is the empty key. `none`: the record has no key. */
  key?: 'base64' | 'empty' | 'none';
  /** `base64`: the value isn't UTF-8 JSON, or is nested very deeply. */
  value?: 'base64';
  /** The value's very text, where parsing and serialising it again gives another one. */
  exact?: string;
  /** The timestamp, where RFC 3339 can't say it. */
  ms?: string;
  /** The record's headers: name, text, and `base64` where the bytes aren't UTF-8. */
  fields?: readonly (readonly string[])[];
}

const utf8 = (bytes: Uint8Array): string | undefined => (isUtf8(bytes) ? view(bytes).toString('utf8') : undefined);
const base64 = (bytes: Uint8Array): string => view(bytes).toString('base64');
const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// ── record → message ─────────────────────────────────────────────────────────

/** The protocol wants a non-empty key; a record without one gets its offset, so that no two such records look alike. */
function keyText(key: Uint8Array | null, offset: string, extra: Extra): string {
  const text = key === null ? undefined : utf8(key);
  if (text !== undefined && text !== '') return text;
  extra.key = key === null ? 'none' : text === '' ? 'empty' : 'base64';
  return key === null || text === '' ? offset : base64(key);
}

function valueText(value: Uint8Array, extra: Extra): string {
  const text = utf8(value);
  const again = text === undefined || deep(text) ? undefined : serialisedAgain(text);
  if (text === undefined || again === undefined) {
    extra.value = 'base64';
    return JSON.stringify(base64(value));
  }
  if (again !== text) extra.exact = text;
  return text;
}

function serialisedAgain(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** `JSON.stringify` recurses: what is nested this deeply could overflow the reader's stack. Counts brackets in strings too. */
function deep(text: string): boolean {
  if (text.length < 2 * maxDepth) return false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i) | 0x20; // [ and { differ in this bit only, and so do ] and }
    if (unit === 0x7b && ++depth > maxDepth) return true;
    if (unit === 0x7d) depth--;
  }
  return false;
}

const maxDepth = 1_000;

function timestampText(ms: number, extra: Extra): string {
  if (Number.isInteger(ms) && ms >= firstMs && ms <= lastMs && !Object.is(ms, -0))
    return `"timestamp":"${new Date(ms).toISOString()}",`;
  extra.ms = numberText(ms);
  return '';
}

const firstMs = -62_167_219_200_000; // 0000-01-01
const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const numberText = (n: number) => (Object.is(n, -0) ? '-0' : String(n));

function fieldOf(name: string, bytes: Uint8Array): readonly string[] {
  const text = utf8(bytes);
  return text === undefined ? [name, base64(bytes), 'base64'] : [name, text];
}

// ── message → record ─────────────────────────────────────────────────────────

function readRecord(topic: string, order: OffsetOrder, message: unknown): LogRecord {
  const { type, key, value, headers } = object(message, 'the message');
  const { operation, timestamp, offset, tidemark } = object(headers, 'headers');
  const extra = tidemark === undefined ? {} : object(tidemark, 'headers.tidemark');
  if (type !== topic) throw fault('its type is another one');
  if (operation !== 'update' && operation !== 'delete') throw fault('headers.operation is neither update nor delete');
  return {
    key: readKey(string(key, 'key'), extra.key),
    value: operation === 'delete' ? null : readValue(value, extra),
    headers: readFields(extra.fields),
    timestamp: readTimestamp(timestamp, extra.ms),
    offset: decodeOffset(order, string(offset, 'headers.offset')),
  };
}

function readKey(key: string, form: unknown): Uint8Array | null {
  if (form === undefined) return Buffer.from(key, 'utf8');
  if (form === 'none') return null;
  if (form === 'empty') return Buffer.alloc(0);
  if (form === 'base64') return fromBase64(key, 'key');
  throw fault('headers.tidemark.key is none of base64, empty, none');
}

function readValue(value: unknown, extra: Readonly<Record<string, unknown>>): Uint8Array {
  if (extra.exact !== undefined) return Buffer.from(string(extra.exact, 'headers.tidemark.exact'), 'utf8');
  if (extra.value === 'base64') return fromBase64(string(value, 'value'), 'value');
  if (extra.value !== undefined) throw fault('headers.tidemark.value is not base64');
  if (value === undefined) throw fault('it has no value');
  return Buffer.from(JSON.stringify(value), 'utf8');
}

function readFields(fields: unknown): ReadonlyMap<string, Uint8Array> {
  if (fields === undefined) return new Map();
  if (!Array.isArray(fields)) throw fault('headers.tidemark.fields is no array');
  return new Map(
    fields.map((field: unknown) => {
      const [name, text, form] = Array.isArray(field) ? (field as unknown[]) : [];
      if (typeof name !== 'string' || typeof text !== 'string' || (form !== undefined && form !== 'base64'))
        throw fault('headers.tidemark.fields holds something else than [name, text] and [name, text, "base64"]');
      return [name, form === undefined ? Buffer.from(text, 'utf8') : fromBase64(text, 'a field')];
    }),
  );
}

function readTimestamp(timestamp: unknown, ms: unknown): number {
  if (ms !== undefined) {
    const text = string(ms, 'headers.tidemark.ms');
    if (numberText(Number(text)) !== text) throw fault('headers.tidemark.ms is no number');
    return Number(text);
  }
  const parsed = Date.parse(string(timestamp, 'headers.timestamp'));
  if (Number.isNaN(parsed)) throw fault('headers.timestamp is no RFC 3339 timestamp');
  return parsed;
}

function fromBase64(text: string, what: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw fault(`${what} is not base64`);
  return bytes;
}

function object(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fault(`${what} is no object`);
  return value as Record<string, unknown>;
}

function string(value: unknown, what: string): string {
  if (typeof value !== 'string') throw fault(`${what} is no string`);
  return value;
}

const fault = (what: string) => new TransportFault(what);
