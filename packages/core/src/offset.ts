import { MalformedPosition } from './errors';

declare const brand: unique symbol;

/**
 * Orders the records of one partition. Opaque: compare with {@link compareOffsets}, never with `<`.
 * In a position an offset is the *last record included* (`through`), never the next one.
 */
export type Offset = string & { readonly [brand]: 'Offset' };

/** How the offsets of a source compare: canonical decimal digits of any length, or plain code-unit order. */
export type OffsetOrder = 'decimal' | 'lexical';

/** Before any record of the partition. */
export const beginning = 'beginning' as Offset;

/** The partition is finished and everything in it is included (a drained Kinesis shard). */
export const closed = 'closed' as Offset;

const canonical = /^(0|[1-9][0-9]*)$/;

/** A decimal offset: `decimal('42')`, `decimal(42n)`. Throws {@link MalformedPosition} unless canonical and exact. */
export function decimal(value: string | number | bigint): Offset {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw inexact(value);
  const text = String(value);
  if (!canonical.test(text))
    throw new MalformedPosition(`not a decimal offset: ${quote(text)}; expected digits without a leading zero`);
  return text as Offset;
}

/** A lexical offset: any non-empty token that isn't one of the two ends. Throws {@link MalformedPosition}. */
export function lexical(token: string): Offset {
  if (token === '' || token === beginning || token === closed)
    throw new MalformedPosition(`not a lexical offset: ${quote(token)}; it is empty or names an end`);
  return token as Offset;
}

/** Reads an offset that came from outside, ends included. Throws {@link MalformedPosition}. */
export function offsetFrom(order: OffsetOrder, text: string): Offset {
  if (text === beginning || text === closed) return text as Offset;
  return order === 'decimal' ? decimal(text) : lexical(text);
}

/** -1, 0 or 1: `beginning` < every record < `closed`; decimal digits by length, then by digits, so exact at any size. */
export function compareOffsets(order: OffsetOrder, a: Offset, b: Offset): -1 | 0 | 1 {
  if (a === b) return 0;
  if (a === beginning || b === closed) return -1;
  if (b === beginning || a === closed) return 1;
  if (order === 'decimal' && a.length !== b.length) return a.length < b.length ? -1 : 1;
  return a < b ? -1 : 1;
}

/** The decimal offset just before `next`, `beginning` for 0: what a log that speaks in *next* offsets must translate. */
export function before(next: string | number | bigint): Offset {
  const digits = decimal(next);
  return digits === '0' ? beginning : ((BigInt(digits) - 1n).toString() as Offset);
}

/** The decimal offset to read next after `through`, `0` for `beginning`. Throws {@link MalformedPosition} for `closed`. */
export function following(through: Offset): Offset {
  if (through === beginning) return '0' as Offset;
  return (BigInt(decimal(through)) + 1n).toString() as Offset;
}

const inexact = (value: number) =>
  new MalformedPosition(`offset ${String(value)} is not an exact integer in JavaScript; send it as a string`);
const quote = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
