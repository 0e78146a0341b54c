import { type Partition, partitionKey } from './partition';

/** Which of the partitions assigned here were at the head of the log when they were last heard of. */
export class Heads {
  private readonly atHead = new Map<string, boolean>();
  private behind = 0;
  private assignedOnce = false;

  /** True once every assigned partition has been at its head. */
  get caughtUp(): boolean {
    return this.assignedOnce && this.behind === 0;
  }

  assign(partitions: readonly Partition[]): void {
    this.assignedOnce = true;
    for (const partition of partitions) this.tell(partition, false);
  }

  revoke(partitions: readonly Partition[]): void {
    for (const partition of partitions) {
      if (this.atHead.get(partitionKey(partition)) === false) this.behind--;
      this.atHead.delete(partitionKey(partition));
    }
  }

  tell(partition: Partition, atHead: boolean): void {
    const key = partitionKey(partition);
    const was = this.atHead.get(key);
    if (was === atHead) return;
    this.atHead.set(key, atHead);
    if (!atHead) this.behind++;
    else if (was === false) this.behind--;
  }
}
