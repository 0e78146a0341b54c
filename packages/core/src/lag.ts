import { type Partition } from './partition';

/** How far a pipeline is behind, as its transport last told. */
export interface Lag {
  readonly partitions: readonly PartitionLag[];
  /** Records still to come, all partitions together; `undefined` while the log can't tell for some of them. */
  readonly records: bigint | undefined;
}

export interface PartitionLag {
  readonly partition: Partition;
  /** There was nothing more to read when its last delivery was made. */
  readonly atHead: boolean;
  /** Records still to come then, where the log can tell. */
  readonly records: bigint | undefined;
  /**
   * The retention headroom: how long until the log may remove the first record that isn't applied yet, in milliseconds; 0: it
   * may be gone any moment, and a new snapshot will be needed. `undefined` at the head, and where the log doesn't keep records
   * by their age, or hasn't told it yet (it is asked about every 30 s while behind). As good as the clocks agree: the age is by
   * this machine's clock, the record's date is the log's.
   */
  readonly expiresInMs: number | undefined;
}

/** For probes. */
export interface Health {
  /** False when restarting the process is the way out: the pipeline has failed, or an effect hasn't settled for `stuckMs`. */
  readonly live: boolean;
  /** True while the replica has been caught up in this run, even if it is behind just now: its readers see a whole state. */
  readonly ready: boolean;
  /** For people. */
  readonly why: string;
}
