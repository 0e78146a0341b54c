import { type Offset } from './offset';
import { type Partition } from './partition';
import { type LogRecord } from './record';
import { type Source } from './source';
import { type LossReason } from './transport';

/** A log that can be read by pages. `pagedTransport` makes a transport of it: acks, merging and verification done. */
export interface PagedLog<Topic extends string = string> {
  readonly kind: string;
  /** The application's name → the log's name. */
  readonly topics: { readonly [T in Topic]: string };
  /** The log as it is now. Asked at each start and about once a second, so that new partitions are found. */
  describe(signal: AbortSignal): Promise<Description>;
  /**
   * Records after `after`, oldest first; a page should hold at most about a megabyte. A page that can't begin right after
   * `after` (trimmed, beyond the end, another history) says `lost`, never skips. With `wait`, an empty page may be held back
   * until there is something; without, it answers at once.
   */
  page(
    partition: Partition,
    after: Offset,
    ask: { readonly wait: boolean; readonly signal: AbortSignal },
  ): Promise<Page | { readonly lost: LossReason }>;
}

export interface Description {
  readonly source: Source;
  readonly partitions: readonly PartitionBounds[];
}

export interface PartitionBounds extends Partition {
  /** The last record that retention has removed; `beginning` if none: reading can begin after it. */
  readonly trimmed: Offset;
  /** The last record; equal to `trimmed` if nothing is left. */
  readonly head: Offset;
  /** As `PartitionVerdict.retentionMs`: how long a record is kept by its age, where the log can tell. */
  readonly retentionMs?: number | undefined;
}

export interface Page {
  readonly records: readonly LogRecord[];
  /** The last record included, or the end of a gap; `after` itself when there is nothing new. */
  readonly through: Offset;
  /** There was nothing more when this page was made. */
  readonly atHead: boolean;
  /** How many records come after this page, where the log can tell. */
  readonly lag?: bigint | undefined;
  /** The topic's epoch, read together with the records, where the log has one. */
  readonly epoch?: string | undefined;
  /** `witnessOf` the record at `after`, where it can still be read: proves that the history is still the same. */
  readonly witness?: string | undefined;
  /** `witnessOf` the record at `through`, where that is none of `records` and can be read. */
  readonly throughWitness?: string | undefined;
}

/**
 * Which partitions are read here: `assigned` to add, `revoked` to drop at once. Ends when the signal aborts. What is being retried is
 * told to `trouble`.
 */
export type Assignments = (
  describe: (signal: AbortSignal) => Promise<Description>,
  signal: AbortSignal,
  trouble: (error: Error) => void,
) => AsyncIterable<{ readonly assigned: readonly Partition[]; readonly revoked: readonly Partition[] }>;
