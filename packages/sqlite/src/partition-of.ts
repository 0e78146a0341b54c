import { crc32 } from 'node:zlib';

/** The partition of a key: CRC-32 of its UTF-8 bytes, modulo the number of partitions. Stable across versions and languages. */
export const partitionOf = (key: string, partitions: number): number => crc32(key) % partitions;
