/**
 * Runs work for many items, at most `width` at a time, those of one key one after the other and in their order. Nobody waits
 * for anybody else's key.
 */
export class KeyedPool {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly width: number) {}

  /** Resolves when all are done; rejects with the first failure, once what had begun has settled. Nothing begins after a failure. */
  async all<T>(items: readonly T[], key: (item: T) => unknown, work: (item: T) => Promise<void>): Promise<void> {
    const lanes = new Map<unknown, T[]>();
    for (const item of items) {
      const lane = lanes.get(key(item));
      if (lane === undefined) lanes.set(key(item), [item]);
      else lane.push(item);
    }
    const failures: unknown[] = [];
    const follow = async (lane: readonly T[]) => {
      for (const item of lane) {
        await this.enter();
        try {
          if (failures.length === 0) await work(item);
        } catch (error) {
          failures.push(error);
        } finally {
          this.leave();
        }
      }
    };
    await Promise.all([...lanes.values()].map(follow));
    if (failures.length > 0) throw failures[0];
  }

  private async enter(): Promise<void> {
    if (this.running >= this.width) await new Promise<void>((enter) => this.waiting.push(enter));
    else this.running++;
  }

  /** The place is handed to who has waited longest. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.running--;
    else next();
  }
}
