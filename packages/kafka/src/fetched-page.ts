import { compareOffsets, type LogRecord, type Offset, witnessOf } from '@tidemark/core';

/** One partition's part of a fetch response, as kafkajs decodes it (its types don't tell). */
export interface Fetched {
  readonly partition: number;
  readonly highWatermark: string;
  /** Before this everything is decided, committed or aborted. Absent before Kafka 0.11. */
  readonly lastStableOffset?: string | undefined;
  readonly abortedTransactions?: readonly AbortedTransaction[] | null | undefined;
  readonly messages: readonly FetchedRecord[];
}

/** The first offset that isn't decided yet: who has read up to it is at the head. */
export const endOf = ({ lastStableOffset, highWatermark }: Fetched): string => lastStableOffset ?? highWatermark;

export interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: string;
}

export interface FetchedRecord {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[] | null | undefined>>;
  readonly isControlRecord?: boolean;
  readonly batchContext?: { readonly producerId?: string; readonly inTransaction?: boolean };
}

/** What a response says about the records after an offset. */
export interface ReadRecords {
  readonly records: readonly LogRecord[];
  /** The last offset that was looked at, whether a record of it is handed over or not; `after` if there was none. */
  readonly through: Offset;
  /** Of the record at `after`, where the response holds it. */
  readonly witness?: string | undefined;
}

/**
 * The committed records after `after`: without control records, without those of aborted transactions, and without the earlier
 * records that a compressed batch brings along.
 */
export function recordsAfter(after: Offset, { messages, abortedTransactions }: Fetched): ReadRecords {
  const aborted = new Aborted(abortedTransactions ?? []);
  const records: LogRecord[] = [];
  let through = after;
  let witness: string | undefined;
  for (const message of messages) {
    const offset = message.offset as Offset;
    const hidden = aborted.hides(message);
    const order = compareOffsets('decimal', offset, after);
    if (order < 0) continue;
    if (order > 0) through = offset;
    if (hidden) continue;
    if (order === 0) witness = witnessOf(recordOf(message));
    else records.push(recordOf(message));
  }
  return { records, through, witness };
}

const recordOf = ({ key, value, headers, timestamp, offset }: FetchedRecord): LogRecord => ({
  key,
  value,
  headers: headersOf(headers),
  timestamp: Number(timestamp),
  offset: offset as Offset,
});

const none: ReadonlyMap<string, Uint8Array> = new Map();

/** Of headers with one name, the last is kept. */
function headersOf(headers: FetchedRecord['headers']): ReadonlyMap<string, Uint8Array> {
  let map: Map<string, Uint8Array> | undefined;
  for (const name in headers) {
    const values = headers[name];
    const value = Array.isArray(values) ? (values as readonly (Buffer | string)[]).at(-1) : values;
    if (value === undefined || value === null) continue; // a header without a value
    map ??= new Map();
    map.set(name, typeof value === 'string' ? Buffer.from(value) : (value as Buffer));
  }
  return map ?? none;
}

/** Which records belong to aborted transactions: from a producer's first offset of one up to its abort marker (KIP-98). */
class Aborted {
  private readonly coming: AbortedTransaction[];
  private readonly open = new Set<string>();

  constructor(transactions: readonly AbortedTransaction[]) {
    this.coming = [...transactions].sort((a, b) =>
      compareOffsets('decimal', b.firstOffset as Offset, a.firstOffset as Offset),
    );
  }

  hides({ offset, key, isControlRecord, batchContext }: FetchedRecord): boolean {
    for (let next = this.coming.at(-1); next !== undefined; next = this.coming.at(-1)) {
      if (compareOffsets('decimal', next.firstOffset as Offset, offset as Offset) > 0) break;
      this.open.add(next.producerId);
      this.coming.pop();
    }
    const producer = batchContext?.producerId;
    if (isControlRecord === true) {
      if (producer !== undefined && isAbortMarker(key)) this.open.delete(producer);
      return true;
    }
    return batchContext?.inTransaction === true && producer !== undefined && this.open.has(producer);
  }
}

/** A control record's key is its version and its type, 16 bits each; type 0 is an abort. */
const isAbortMarker = (key: Buffer | null): boolean => key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
