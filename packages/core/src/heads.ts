import { type Lag, type PartitionLag } from './lag';
import { type Partition, partitionKey } from './partition';

/** One partition, as it was heard of last. */
export type Head = Omit<PartitionLag, 'expiresInMs'>;

/** Which of the partitions assigned here were at the head of the log when they were last heard of. */
export class Heads {
  private readonly partitions = new Map<string, Head>();
  private behind = 0;
  private assignedOnce = false;

  /** True once every assigned partition has been at its head. */
  get caughtUp(): boolean {
    return this.assignedOnce && this.behind === 0;
  }

  get all(): readonly Head[] {
    return [...this.partitions.values()];
  }

  /** `expiresInMs`: the retention headroom of each. */
  lag(expiresInMs: (head: Head) => number | undefined): Lag {
    const partitions = this.all.map((one): PartitionLag => ({ ...one, expiresInMs: expiresInMs(one) }));
    const records = partitions.map((one) => (one.atHead ? 0n : one.records));
    return {
      partitions,
      records: records.includes(undefined) ? undefined : records.reduce<bigint>((sum, n) => sum + (n ?? 0n), 0n),
    };
  }

  assign(partitions: readonly Partition[]): void {
    this.assignedOnce = true;
    for (const partition of partitions) this.set(partition, false);
  }

  revoke(partitions: readonly Partition[]): void {
    for (const partition of partitions) {
      const key = partitionKey(partition);
      if (this.partitions.get(key)?.atHead === false) this.behind--;
      this.partitions.delete(key);
    }
  }

  /** What isn't assigned here (any more) has nothing to tell. */
  tell(partition: Partition, atHead: boolean, records?: bigint): void {
    if (this.partitions.has(partitionKey(partition))) this.set(partition, atHead, records);
  }

  private set(partition: Partition, atHead: boolean, records?: bigint): void {
    const key = partitionKey(partition);
    const was = this.partitions.get(key)?.atHead;
    this.partitions.set(key, { partition, atHead, records });
    if (was === atHead) return;
    if (!atHead) this.behind++;
    else if (was === false) this.behind--;
  }
}
