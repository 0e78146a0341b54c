import {
  compareOffsets,
  type Offset,
  type OffsetOrder,
  type Partition,
  partitionKey,
  showPartition,
  Unavailable,
} from '@tidemark/core';

/**
 * A server that names an offset before the one asked for may have lost its tail, or be a mirror that lags. The cursor never
 * moves back: it is an outage at first, and a shorter log when it lasts.
 */
export class Regress {
  private readonly since = new Map<string, { readonly asked: Offset; readonly at: number }>();

  constructor(
    private readonly order: OffsetOrder,
    private readonly lastingMs: number,
  ) {}

  /** Is the log shorter than what was asked for? Throws {@link Unavailable} while that may still pass. */
  lasts(partition: Partition, asked: Offset, answered: Offset): boolean {
    const key = partitionKey(partition);
    if (compareOffsets(this.order, answered, asked) >= 0) {
      this.since.delete(key);
      return false;
    }
    const known = this.since.get(key);
    const at = known?.asked === asked ? known.at : performance.now();
    if (performance.now() - at >= this.lastingMs) {
      this.since.delete(key);
      return true;
    }
    this.since.set(key, { asked, at });
    throw new Unavailable(`${showPartition(partition)} at ${asked}: the server ends at ${answered} at the moment`);
  }
}
