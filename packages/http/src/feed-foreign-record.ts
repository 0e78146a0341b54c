import { type LogRecord, type Offset, TransportFault } from '@tidemark/core';

/**
 * A message of any Durable Streams server as a record. A change message of the State Protocol gives key, value and timestamp,
 * and its `type` and other text headers become record headers; any other message is a value without a key. All messages of
 * one answer share its offset: the protocol addresses them together.
 */
export function foreignRecord(message: unknown, offset: Offset): LogRecord {
  const change = changeOf(message);
  if (change === undefined) return { key: null, value: bytes(message), headers: new Map(), timestamp: 0, offset };
  const { type, key, value, headers } = change;
  const fields = Object.entries({ type, ...headers }).filter(
    (field): field is [string, string] => typeof field[1] === 'string',
  );
  return {
    key: Buffer.from(key, 'utf8'),
    value: headers.operation === 'delete' ? null : bytes(value),
    headers: new Map(fields.map(([name, text]) => [name, Buffer.from(text, 'utf8')])),
    timestamp: timestampOf(headers.timestamp),
    offset,
  };
}

interface ChangeMessage {
  readonly type: string;
  readonly key: string;
  readonly value: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** The State Protocol names three operations; its own library writes `upsert` too. */
const operations: readonly unknown[] = ['insert', 'update', 'upsert', 'delete'];

function changeOf(message: unknown): ChangeMessage | undefined {
  if (!isObject(message)) return undefined;
  const { type, key, value, headers } = message;
  if (typeof type !== 'string' || typeof key !== 'string' || !isObject(headers)) return undefined;
  if (!operations.includes(headers.operation)) return undefined;
  if (value === undefined && headers.operation !== 'delete') return undefined;
  return { type, key, value, headers };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function bytes(value: unknown): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(value), 'utf8');
  } catch (cause) {
    throw new TransportFault('a message is nested too deeply to be read', { cause });
  }
}

function timestampOf(timestamp: unknown): number {
  const ms = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  return Number.isNaN(ms) ? 0 : ms;
}
