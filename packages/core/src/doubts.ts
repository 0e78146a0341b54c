import { type Partition, partitionKey } from './partition';
import { type PartitionVerdict } from './transport';

/**
 * A log that seems shorter than our position may be a mirror that lags, or a leader that changed: `ahead` counts only once it
 * has lasted. Every other loss counts at once.
 */
export class Doubts {
  private readonly since = new Map<string, number>();

  constructor(private readonly aheadMs: number) {}

  /** Has this partition been `ahead` for long enough? */
  ahead(partition: Partition, now: number): boolean {
    const key = partitionKey(partition);
    const since = this.since.get(key) ?? now;
    this.since.set(key, since);
    return now - since >= this.aheadMs;
  }

  /** The partition delivers: it was no loss. */
  dispel(partition: Partition): void {
    if (this.since.size > 0) this.since.delete(partitionKey(partition));
  }

  /** The verdicts that count now. */
  settle(verdicts: readonly PartitionVerdict[], now: number): PartitionVerdict[] {
    return verdicts.map((one) =>
      one.verdict === 'ahead' && !this.ahead(one.partition, now)
        ? { ...one, verdict: 'ok', why: `${one.why}; it may be lagging, so it is watched first` }
        : one,
    );
  }
}
