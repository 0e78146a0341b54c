import { type LogRecord, type Offset } from '@tidemark/core';
import { type NatsHeaders, type NatsMessage } from './connection';
import { type StoredMessage } from './jetstream';
import { type SubjectPattern } from './subject-pattern';

/** A message with what its reply subject tells about it (ADR-15 of nats-architecture-and-design). */
export interface Delivered {
  readonly record: LogRecord;
  /** Its number among those delivered to the consumer, from 1, without gaps. */
  readonly count: number;
  /** How many the consumer had still to deliver after it. */
  readonly pending: number;
}

/** `undefined`: it is no message of a stream, but a status. */
export function delivered(message: NatsMessage, patterns: readonly SubjectPattern[]): Delivered | undefined {
  const { reply } = message;
  if (reply?.startsWith(ack) !== true) return undefined;
  let dots = 0;
  for (let dot = reply.indexOf('.', ack.length); dot > 0; dot = reply.indexOf('.', dot + 1)) dotAt[dots++] = dot;
  dotAt[dots] = reply.length;
  // <stream>.<consumer>.<tries>. before it, or <domain>.<account>. before these, and perhaps more at the end
  const at = dots === 6 ? 2 : 4;
  return {
    record: {
      key: bytesOf(keyIn(message.subject, patterns)),
      value: isDeletion(message.headers) ? null : message.data,
      headers: headersOf(message.headers),
      timestamp: numberIn(reply, at + 2, nanosecondDigits),
      offset: reply.slice(endOf(at) + 1, endOf(at + 1)) as Offset,
    },
    count: numberIn(reply, at + 1),
    pending: numberIn(reply, at + 3),
  };
}

const ack = '$JS.ACK.';

/** Where the dots of the reply subject at hand are, and its end: nothing is allocated for what each message has. */
const dotAt: number[] = [];
const endOf = (token: number): number => dotAt[token] ?? 0;

/** Times are in nanoseconds, which are too many for a number: so many digits are left out. */
const nanosecondDigits = 6;

/** The digits behind the dot, less the last ones. */
function numberIn(reply: string, dot: number, leftOut = 0): number {
  let number = 0;
  for (let i = endOf(dot) + 1; i < endOf(dot + 1) - leftOut; i++) number = number * 10 + reply.charCodeAt(i) - zero;
  return number;
}

const zero = 48;

/** The same record, as STREAM.MSG.GET has it. */
export function recordOf(
  { subject, seq, data, hdrs, time }: StoredMessage,
  patterns: readonly SubjectPattern[],
): LogRecord {
  const headers = hdrs === undefined ? undefined : parsed(Buffer.from(hdrs, 'base64').toString('utf8'));
  return {
    key: bytesOf(keyIn(subject, patterns)),
    value: isDeletion(headers) ? null : Buffer.from(data ?? '', 'base64'),
    headers: headersOf(headers),
    timestamp: Date.parse(time),
    offset: String(seq) as Offset,
  };
}

export function keyIn(subject: string, patterns: readonly SubjectPattern[]): string | undefined {
  for (const pattern of patterns) {
    const key = pattern.keyIn(subject);
    if (key !== undefined) return key;
  }
  return undefined;
}

const bytesOf = (key: string | undefined): Uint8Array | null => (key === undefined ? null : Buffer.from(key));

/**
 * A tombstone as KV buckets write it (`KV-Operation: DEL` or `PURGE`, ADR-8), or the server's own marker of a deletion
 * (`Nats-Marker-Reason`, ADR-43): not the empty payload, which is a value.
 */
function isDeletion(headers: Iterable<[string, string[]]> | undefined): boolean {
  if (headers === undefined) return false;
  for (const [name, values] of headers)
    if (name === 'Nats-Marker-Reason' || (name === 'KV-Operation' && values.some((value) => value !== 'PUT')))
      return true;
  return false;
}

const none: ReadonlyMap<string, Uint8Array> = new Map();

/** Without those that are NATS's own business. Of several values of a name the last is kept. */
function headersOf(headers: NatsHeaders | ReadonlyMap<string, string[]> | undefined): ReadonlyMap<string, Uint8Array> {
  if (headers === undefined) return none;
  let map: Map<string, Uint8Array> | undefined;
  for (const [name, values] of headers) {
    if (name.startsWith('Nats-') || name === 'KV-Operation') continue;
    map ??= new Map();
    map.set(name, Buffer.from(values.at(-1) ?? ''));
  }
  return map ?? none;
}

/** `NATS/1.0`, then `Name: value` lines. */
function parsed(block: string): ReadonlyMap<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const line of block.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [value]);
    else values.push(value);
  }
  return headers;
}
