import { type Applier } from './applier';
import { EffectStuck } from './errors';
import { showPartition } from './partition';
import { type Plan } from './plan';
import { type Position } from './position';
import { type Batch, type Replica, type Stored } from './replica';

/** Looks from time to time: somebody else may bootstrap while this instance has nothing to apply; an effect may hang. */
export class Watch<Change> {
  private told: readonly Batch<Change>[] = [];

  constructor(
    private readonly plan: Plan,
    private readonly replica: Replica<Change>,
    private readonly applier: Applier<Change>,
    private readonly context: {
      readonly signal: AbortSignal;
      /** The term under which deliveries may be applied just now. */
      serving(): number | undefined;
      load(): Promise<Stored>;
      /** The replica has left this term. */
      fenced(term: number): void;
      /** The replica is still in this term, and stands there. */
      stands(position: Position): void;
      trouble(error: Error): void;
    },
  ) {}

  /** Goes on until the signal aborts. */
  async run(): Promise<void> {
    const { runtime, times } = this.plan;
    const { signal } = this.context;
    for (;;) {
      await runtime.sleep(times.watchMs, signal);
      this.tellStuck();
      if (!this.replica.shared) continue;
      const term = this.context.serving();
      const stored = await this.context.load();
      if (term === undefined) continue;
      if (stored.state !== 'ready' || stored.term !== term) this.context.fenced(term);
      else if (this.context.serving() === term) this.context.stands(stored.position);
    }
  }

  /** What hasn't settled for `stuckMs`, if anything, for people. */
  get stuck(): string | undefined {
    const [first] = this.applier.stuck(this.plan.times.stuckMs);
    return first && textOf(first);
  }

  private tellStuck(): void {
    const stuck = this.applier.stuck(this.plan.times.stuckMs);
    const [news] = stuck.filter((batch) => !this.told.includes(batch));
    this.told = stuck;
    if (news !== undefined) this.context.trouble(new EffectStuck(`pipeline "${this.plan.name}": ${textOf(news)}`));
  }
}

const textOf = <Change>({ partition, after, through }: Batch<Change>): string =>
  `the effect of ${showPartition(partition)} after ${after} through ${through.through} hasn't settled`;
