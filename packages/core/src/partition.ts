import { type Offset } from './offset';

/** The widest lane in which a log is totally ordered. `topic` is the *log's own* name; positions hold these. */
export interface Partition {
  readonly topic: string;
  readonly partition: string;
}

/** What is known of one partition: the last record included, and evidence of which record that was. */
export interface Mark {
  readonly through: Offset;
  /** Adapter-made evidence of *which* record stood at `through` (see `witnessOf`); absent = unproven. */
  readonly witness?: string | undefined;
}

/** A key for maps, unambiguous for any names. */
export const partitionKey = (p: Partition): string => `${p.topic.length}:${p.topic}${p.partition}`;

/** For people: `topic/partition`. */
export const showPartition = (p: Partition): string => `${p.topic}/${p.partition}`;

export const samePartition = (a: Partition, b: Partition): boolean =>
  a.topic === b.topic && a.partition === b.partition;

/** Of witnesses and epochs: both are known, and they aren't the same. */
export const differs = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a !== b;
