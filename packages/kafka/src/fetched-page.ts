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

interface AbortedTransaction {
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
  const isHidden = abortedTransactions?.length ? hiding(abortedTransactions) : isControl;
  const records: LogRecord[] = [];
  let through = after;
  let witness: string | undefined;
  for (const message of messages) {
    const hidden = isHidden(message);
    // offsets rise: beyond the first one after `after` nothing has to be compared
    const order = through === after ? compareOffsets('decimal', message.offset as Offset, after) : 1;
    if (order < 0) continue;
    if (order > 0) through = message.offset as Offset;
    if (hidden) continue;
    if (order === 0) witness = witnessOf(recordOf(message));
    else records.push(recordOf(message));
  }
  return { records, through, witness };
}

const isControl = ({ isControlRecord }: FetchedRecord): boolean => isControlRecord === true;

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

/**
 * Tells of each record, asked in order, whether it belongs to an aborted transaction (from a producer's first offset of one up to its
 * abort marker, KIP-98) or is a control record.
 */
function hiding(transactions: readonly AbortedTransaction[]): (message: FetchedRecord) => boolean {
  const latestFirst = (a: AbortedTransaction, b: AbortedTransaction) =>
    compareOffsets('decimal', b.firstOffset as Offset, a.firstOffset as Offset);
  const coming = [...transactions].sort(latestFirst);
  const open = new Set<string>();
  return (message) => {
    const { offset, key, batchContext } = message;
    for (let next = coming.at(-1); next !== undefined; next = coming.at(-1)) {
      if (compareOffsets('decimal', next.firstOffset as Offset, offset as Offset) > 0) break;
      open.add(next.producerId);
      coming.pop();
    }
    const producer = batchContext?.producerId ?? '';
    if (!isControl(message)) return batchContext?.inTransaction === true && open.has(producer);
    if (isAbortMarker(key)) open.delete(producer);
    return true;
  };
}

/** A control record's key is its version and its type, 16 bits each; type 0 is an abort. */
const isAbortMarker = (key: Buffer | null): boolean => key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
