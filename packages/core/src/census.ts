import { type Plan } from './plan';
import { type Replica } from './replica';
import { asError } from './retry';

/**
 * Counts the log's partitions from time to time: an old update could still come from one that the position doesn't name, so
 * until none is missing no tombstone is pruned (I3). The log is asked only if tombstones were written since the last count.
 */
export class Census {
  private counted: { readonly term: number; readonly sequence: number } | undefined;
  private begun = false;

  constructor(
    private readonly plan: Plan,
    private readonly replica: Replica<never>,
    private readonly context: { readonly signal: AbortSignal; trouble(error: Error): void },
  ) {}

  /** The replica's sequence when the last count began; `undefined` before the first one under this term. */
  under(term: number): number | undefined {
    return this.counted?.term === term ? this.counted.sequence : undefined;
  }

  /** Goes on until the signal aborts. */
  begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.loop().catch(() => undefined); // only the sleep rejects, when the run ends
  }

  private async loop(): Promise<void> {
    const { runtime, times } = this.plan;
    const { signal } = this.context;
    for (;;) {
      await runtime.sleep(times.censusMs, signal);
      await this.count(signal).catch((error: unknown) => {
        if (!signal.aborted) this.context.trouble(asError(error));
      });
    }
  }

  private async count(signal: AbortSignal): Promise<void> {
    const stored = await this.replica.load();
    if (stored.state !== 'ready' || stored.sequence === undefined || stored.sequence === 0) return;
    const { term, sequence, position } = stored;
    if (this.under(term) === sequence) return;
    const { partitions } = await this.plan.transport.verify(position, signal);
    if (partitions.every(({ partition }) => position.offsets.has(partition))) this.counted = { term, sequence };
  }
}
