/** How long things may take, in milliseconds. The defaults suit production; tests shorten them. */
export interface Times {
  /** A bootstrapper is dead when its heartbeat has stood still for this long, as seen here. Default 10,000. */
  readonly takeoverMs: number;
  /** How often a bootstrapper raises its heartbeat. Default 3,000; keep it below a third of `takeoverMs`. */
  readonly beatMs: number;
  /** How often the replica's term is looked at while following. Default 1,000. */
  readonly watchMs: number;
  /** `ahead` counts once it has lasted for this long: a mirror may lag. Default 30,000. */
  readonly aheadMs: number;
  /** An effect that hasn't settled for this long is told as trouble, and the pipeline isn't `live`. Default 60,000. */
  readonly stuckMs: number;
  /** How often the log's partitions are counted, so that tombstones can be pruned. Default 30,000. */
  readonly censusMs: number;
  /**
   * How often the log is asked how long it keeps records, while something is behind. Default 30,000; keep it well below a
   * quarter of a short retention.
   */
  readonly headroomMs: number;
  /**
   * The longest pause between two tries of anything; pauses grow from a fiftieth of it, with jitter. Default 5,000. Only after a
   * term was held in vain through a whole budget of snapshots the pause is longer: up to twelve times as long.
   */
  readonly retryMs: number;
}

export const defaultTimes: Times = {
  takeoverMs: 10_000,
  beatMs: 3_000,
  watchMs: 1_000,
  aheadMs: 30_000,
  stuckMs: 60_000,
  censusMs: 30_000,
  headroomMs: 30_000,
  retryMs: 5_000,
};
