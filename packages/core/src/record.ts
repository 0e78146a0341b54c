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
 * Evidence of *which* record stood at an offset: its timestamp, the lengths of key and value (`-` for none) and a CRC-32 of both.
 * A later start that finds other evidence there follows another history (a log restored from a backup, a truncated tail that was
 * written over).
 */
export function witnessOf({ key, value, timestamp }: Pick<LogRecord, 'key' | 'value' | 'timestamp'>): string {
  const sum = crc32(value ?? nothing, crc32(key ?? nothing));
  return [timestamp, key?.length ?? '-', value?.length ?? '-', sum.toString(16)].join('.');
}

const nothing = new Uint8Array(0);
