import { type Version } from './change';
import { type Position } from './position';

/** Where A's state can be had. */
export interface SnapshotSource {
  /** Rejects with a `SyncError`; `retryable` ones (A is down) are asked again for as long as it takes. */
  open(request: SnapshotRequest): Promise<Snapshot>;
}

export interface SnapshotRequest {
  /** A snapshot below this position will be refused (I8); a source that can wait or ask elsewhere does so. */
  readonly notOlderThan?: Position | undefined;
  /** Which part is wanted; absent = everything. */
  readonly scope?: string | undefined;
  /** Go on where this token of an earlier chunk stopped; a source that can't begins anew, under another `id`. */
  readonly resume?: SnapshotToken | undefined;
  /** Ends the snapshot, whether it is being opened, waits to be read, or is being read: everything it holds is released. */
  readonly signal: AbortSignal;
}

/** Names one snapshot and a place in it. Made by the source, opaque to everybody else. */
export type SnapshotToken = string;

/** Rows, and the position at which they were taken. */
export interface Snapshot {
  readonly id: string;
  readonly position: Position;
  /** A name for the rows' form, compared with the one that the pipeline expects, if it does. */
  readonly schema?: string | undefined;
  readonly scope?: string | undefined;
  /** How many rows it has, where the source knows before the end. */
  readonly count?: number | undefined;
  /** True where `chunks` goes on after the requested token; the rows before it are already staged. */
  readonly resumed?: boolean | undefined;
  /** Ends only when the snapshot was whole; a cut-off one throws `SnapshotRejected`. */
  readonly chunks: AsyncIterable<SnapshotChunk>;
}

/** A deletion that A remembers: its key, as in the log's tombstones, and the version of the deletion. */
export interface SnapshotTombstone {
  readonly key: string;
  readonly version: Version;
}

export interface SnapshotChunk {
  /** The application's topic whose rows these are; may be left out where the pipeline has one topic. */
  readonly topic?: string | undefined;
  /** Undecoded. */
  readonly rows: readonly unknown[];
  /**
   * Rows that are gone, so that a late update can't bring them back (I3). B sees them as messages of kind `tombstone`, after the
   * chunk's rows.
   */
  readonly tombstones?: readonly SnapshotTombstone[] | undefined;
  /** Where a resumed snapshot would go on. */
  readonly token?: SnapshotToken | undefined;
}
