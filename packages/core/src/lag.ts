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
