import { type Cursors } from './cursors';
import { type Head, type Heads } from './heads';
import { type Lag } from './lag';
import { partitionKey } from './partition';
import { type Plan } from './plan';
import { type Position } from './position';
import { asError } from './retry';
import { type SyncEvent } from './sync-event';
import { type PartitionVerdict } from './transport';

/** It is told when less than the first part of the retention is left, and again only after more than the second was. */
const [expiring, recovered] = [1 / 4, 1 / 2];

/**
 * Watches how long it takes until the log's retention passes us, partition by partition: retention less the age of the first
 * record that isn't applied yet. The log is asked from time to time, and only while something is behind.
 */
export class Headroom {
  /** How long a partition's records are kept, as the log told last. */
  private retention: ReadonlyMap<string, number> = new Map();
  private told: ReadonlySet<string> = new Set();

  constructor(
    private readonly plan: Plan,
    private readonly cursors: Cursors,
    private readonly heads: Heads,
    private readonly context: {
      readonly signal: AbortSignal;
      /** As stored; `undefined`: nothing can be verified just now. */
      position(): Promise<Position | undefined>;
      send(event: SyncEvent<never>): void;
    },
  ) {}

  get lag(): Lag {
    return this.heads.lag((head) => this.left(head)?.expiresInMs);
  }

  /** The log has been asked, by whomever. */
  learn(partitions: readonly PartitionVerdict[]): void {
    if (partitions.length === 0) return;
    this.retention = new Map(
      partitions.flatMap(({ partition, retentionMs }) =>
        retentionMs === undefined ? [] : [[partitionKey(partition), retentionMs] as const],
      ),
    );
  }

  /** Goes on until the signal aborts, whether the pipeline is paused or not. */
  async run(): Promise<void> {
    const { runtime, times, transport } = this.plan;
    const { signal } = this.context;
    for (;;) {
      await runtime.sleep(times.headroomMs, signal);
      if (this.heads.all.some((head) => this.openSince(head) !== undefined))
        try {
          const position = await this.context.position();
          if (position !== undefined) this.learn((await transport.verify(position, signal)).partitions);
        } catch (error) {
          if (signal.aborted) return;
          this.context.send({ type: 'trouble', error: asError(error) }); // what was told before still holds, more or less
        }
      this.tell();
    }
  }

  private tell(): void {
    const told = new Set<string>();
    for (const head of this.heads.all) {
      const { partition } = head;
      const key = partitionKey(partition);
      const left = this.left(head);
      if (left === undefined) continue;
      const { expiresInMs, part } = left;
      const before = this.told.has(key);
      if (part < (before ? recovered : expiring)) told.add(key);
      if (part < expiring && !before) this.context.send({ type: 'expiring', partition, expiresInMs });
    }
    this.told = told;
  }

  /** In milliseconds, and as a part of the retention. */
  private left(head: Head): { readonly expiresInMs: number; readonly part: number } | undefined {
    const since = this.openSince(head);
    const retentionMs = this.retention.get(partitionKey(head.partition));
    if (since === undefined || retentionMs === undefined) return undefined;
    const expiresInMs = Math.max(0, since + retentionMs - this.plan.runtime.wallClock());
    return { expiresInMs, part: expiresInMs / retentionMs };
  }

  private openSince({ partition, atHead }: Head): number | undefined {
    return this.cursors.get(partition)?.openSince(atHead);
  }
}
