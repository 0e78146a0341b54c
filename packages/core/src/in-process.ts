import { FencedOut, ReplicaBoundElsewhere, TakeLost } from './errors';
import { coversFloor, floorOf } from './floor';
import { type Position } from './position';
import { type Applied, type Batch, type Binding, type Bootstrap, type Replica, type Stored } from './replica';

/** What a replica in this process does with the changes themselves. All synchronous, so each call is one transaction. */
export interface InProcessRows<in Change> {
  stage(changes: readonly Change[]): void;
  discard(): void;
  /** Shows what was staged instead of what was there. */
  swap(): void;
  apply(changes: readonly Change[]): void;
}

/** Term, state and position of a replica that lives and dies with this process. Dead letters aren't kept. */
export class InProcessReplica<in Change> implements Replica<Change> {
  readonly shared = false;
  private stored: Stored = { term: 0, state: 'empty' };

  constructor(private readonly content: InProcessRows<Change>) {}

  async load(): Promise<Stored> {
    return this.stored;
  }

  async take(seen: Stored, { pipeline, version, scope }: Binding): Promise<Bootstrap<Change>> {
    const before = this.stored;
    if (before.pipeline !== undefined && before.pipeline !== pipeline)
      throw new ReplicaBoundElsewhere(`the replica belongs to pipeline "${before.pipeline}", not to "${pipeline}"`);
    if (!stillTrue(before, seen)) throw new TakeLost('the in-process replica was taken by somebody else first');
    const term = before.term + 1;
    const position = 'position' in before ? before.position : undefined;
    this.stored = { term, state: 'bootstrapping', heartbeat: 0, position, pipeline, version, scope };
    this.content.discard();
    return this.bootstrap(
      term,
      { pipeline, version: before.version, scope: before.scope },
      { pipeline, version, scope },
    );
  }

  async apply(term: number, batches: readonly Batch<Change>[]): Promise<readonly Applied[]> {
    const { stored } = this;
    if (stored.state !== 'ready' || stored.term !== term) throw fencedOut(term, stored);
    let { offsets } = stored.position;
    const answers = batches.map(({ partition, after, through, changes }): Applied => {
      if (offsets.through(partition) !== after)
        return { moved: offsets.get(partition) ?? { through: offsets.through(partition) } };
      this.content.apply(changes);
      offsets = offsets.with(partition, through);
      return 'applied';
    });
    this.stored = { ...stored, position: { source: stored.position.source, offsets } };
    return answers;
  }

  private bootstrap(term: number, old: Bound, own: Bound): Bootstrap<Change> {
    const current = () => {
      const { stored } = this;
      if (stored.state !== 'bootstrapping' || stored.term !== term) throw fencedOut(term, stored);
      return stored;
    };
    return {
      term,
      beat: async () => {
        const stored = current();
        this.stored = { ...stored, heartbeat: stored.heartbeat + 1 };
      },
      stage: async (changes) => {
        current();
        this.content.stage(changes);
      },
      discard: async () => {
        current();
        this.content.discard();
      },
      swap: async (position, lost) => {
        const floor = floorOfStored(current(), lost);
        if (floor !== undefined && !coversFloor(position, floor)) {
          this.content.discard();
          return { belowFloor: floor };
        }
        this.content.swap();
        this.stored = { term, state: 'ready', position, ...own };
        return 'swapped';
      },
      giveBack: async () => {
        const { position } = current();
        this.content.discard();
        this.stored = position === undefined ? { term, state: 'empty' } : { term, state: 'ready', position, ...old };
      },
    };
  }
}

interface Bound {
  readonly pipeline: string;
  readonly version: string | undefined;
  readonly scope: string | undefined;
}

/** Is the replica still as it was seen? Positions aren't compared: they move while others apply. */
const stillTrue = (now: Stored, seen: Stored): boolean =>
  now.term === seen.term &&
  now.state === seen.state &&
  (now.state !== 'bootstrapping' || (seen.state === 'bootstrapping' && now.heartbeat === seen.heartbeat));

const floorOfStored = (
  { position }: { readonly position?: Position | undefined },
  lost: Parameters<typeof floorOf>[1],
) => position && floorOf(position, lost);

const fencedOut = (term: number, stored: Stored): FencedOut =>
  new FencedOut(`term ${term} is over: the in-process replica is ${stored.state} under term ${stored.term}`);
