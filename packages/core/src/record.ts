import { crc32 } from 'node:zlib';
import { type Offset } from './offset';

/** One message of the log, as bytes. */
export interface LogRecord {
  readonly key: Uint8Array | null;
  /** `null` is a tombstone: the key was deleted. */
  readonly value: Uint8Array | null;
  readonly headers: ReadonlyMap<string, Uint8Array>;
  /** Milliseconds since the Unix epoch, as the log says. */
  readonly timestamp: number;
  readonly offset: Offset;
}

/** A record to be published. */
export interface NewRecord {
  /** Records of one key go to one partition, so they stay in order. */
  readonly key: string;
  /** Text is UTF-8; `null` is a tombstone. */
  readonly value: Uint8Array | string | null;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Evidence of *which* record stood at an offset: its timestamp and a CRC-32 of key and value. A later start that finds other
 * evidence there follows another history (a log restored from a backup, a truncated tail that was written over).
 */
export function witnessOf(record: Pick<LogRecord, 'key' | 'value' | 'timestamp'>): string {
  const key = record.key ?? absent;
  const sum = crc32(record.value ?? absent, crc32(key, key.length));
  return `${String(record.timestamp)}.${sum.toString(16)}`;
}

const absent = new Uint8Array(0);
