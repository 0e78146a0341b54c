import { type KeptLetter } from './dead-letter';
import { FencedOut, InvalidConfiguration, ReplicaBoundElsewhere, TakeLost } from './errors';
import { floorOf, mayReplace } from './floor';
import { beginning, closed } from './offset';
import { type Entry, OffsetMap } from './offset-map';
import { partitionKey } from './partition';
import { type Position } from './position';
import {
  type Amended,
  type Amendment,
  type Applied,
  type Batch,
  type Binding,
  type Bootstrap,
  type Replica,
  type Stored,
} from './replica';

/** What a replica in this process does with the changes themselves. All synchronous, so each call is one transaction. */
export interface InProcessRows<in Change> {
  stage(changes: readonly Change[]): void;
  discard(): void;
  /** Shows what was staged instead of what was there. */
  swap(replaced: Replaced): void;
  apply(changes: readonly Change[]): void;
  /** Throws for changes that `apply` would refuse. Asked for all of a transaction before any of it is applied. */
  readonly check?: ((changes: readonly Change[]) => void) | undefined;
  /** The transaction is over, rows and position stand. */
  readonly settled?: (() => void) | undefined;
  /** Where newer versions win. */
  readonly tombstones?: InProcessTombstones | undefined;
}

/** What a swap takes the place of. */
interface Replaced {
  /** `false`: there was no position before. */
  readonly synchronised: boolean;
  /** Are the rows before of the same history, version and scope? Then what was deleted there stays deleted. */
  readonly comparable: boolean;
}

interface InProcessTombstones {
  /** As `Stored.sequence`. */
  sequence(): number;
  /** Older updates can't come for deletions through this sequence. A bounded piece of work; the rest is done by later calls. */
  prune(through: number): void;
}

/** Term, state and position of a replica that lives and dies with this process, and so keeps neither dead letters nor a pause. */
export class InProcessReplica<in Change> implements Replica<Change> {
  readonly shared = false;
  private stored: Stored = { term: 0, state: 'empty' };
  /** Marks that `stored` doesn't have yet: a position of a thousand partitions isn't copied for each delivery. */
  private readonly advanced = new Map<string, Entry>();
  /** Partition → the greatest `Batch.head` since the swap. */
  private readonly heads = new Map<string, number>();
  /** As `Stored.pruned`. */
  private pruned = 0;

  constructor(private readonly content: InProcessRows<Change>) {}

  async load(): Promise<Stored> {
    const stored = this.settled();
    const { tombstones } = this.content;
    return tombstones ? { ...stored, sequence: tombstones.sequence(), pruned: this.pruned } : stored;
  }

  async take(seen: Stored, { pipeline, version, scope }: Binding): Promise<Bootstrap<Change>> {
    const before = this.settled();
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
    const { offsets } = this.serving(term).position;
    const advanced = new Map<string, Entry>();
    if (this.content.check) for (const { changes } of batches) this.content.check(changes);
    const answers = batches.map(({ partition, after, through, changes, head }): Applied => {
      const key = partitionKey(partition);
      const mark = advanced.get(key) ?? this.advanced.get(key) ?? offsets.get(partition) ?? { through: beginning };
      if (mark.through !== after) return { moved: mark };
      this.content.apply(changes);
      advanced.set(key, { ...partition, ...through });
      if (head !== undefined) this.heads.set(key, head);
      return 'applied';
    });
    for (const [key, entry] of advanced) this.advanced.set(key, entry);
    const { tombstones, settled } = this.content;
    if (tombstones) {
      const through = batches.some(({ head }) => head !== undefined) ? this.covered() : 0;
      this.pruned = Math.max(this.pruned, through);
      tombstones.prune(through);
    }
    settled?.();
    return answers;
  }

  async amend(term: number, { changes, letter, merging }: Amendment<Change>): Promise<Amended> {
    this.serving(term);
    const { tombstones, check, settled } = this.content;
    if (letter !== undefined) return 'gone';
    if (merging !== undefined) {
      if (tombstones === undefined)
        throw new InvalidConfiguration('rows of a part can be merged only where newer versions win; use `version`');
      const below = merging.pruned === this.pruned ? undefined : this.below(merging.position);
      if (below !== undefined) return { below };
    }
    check?.(changes);
    this.content.apply(changes);
    settled?.();
    return 'amended';
  }

  async letters(): Promise<readonly KeptLetter[]> {
    return [];
  }

  async pause(): Promise<void> {
    throw new InvalidConfiguration(
      "a pause can't be stored with a replica that lives in this process; pause the pipeline",
    );
  }

  /** Where it stands, unless that is covered. */
  private below(position: Position): Position | undefined {
    const stored = this.settled();
    return stored.state !== 'ready' || mayReplace(position, stored.position) ? undefined : stored.position;
  }

  /** The state in which this term may write; `advanced` has more of its marks. */
  private serving(term: number): Stored & { readonly state: 'ready' } {
    const { stored } = this;
    if (stored.state !== 'ready' || stored.term !== term) throw fencedOut(term, stored);
    return stored;
  }

  /** As it stands, with every mark in its position. */
  private settled(): Stored {
    const { stored, advanced } = this;
    if (stored.state !== 'ready' || advanced.size === 0) return stored;
    const { source, offsets } = stored.position;
    const all = OffsetMap.from(offsets.order, [...offsets, ...advanced.values()]);
    advanced.clear();
    return (this.stored = { ...stored, position: { source, offsets: all } });
  }

  /** What every partition of the position has been at its head after. A closed one has no more to say. */
  private covered(): number {
    const stored = this.settled();
    if (stored.state !== 'ready') return 0;
    let covered = Infinity;
    for (const { through, ...partition } of stored.position.offsets)
      if (through !== closed) covered = Math.min(covered, this.heads.get(partitionKey(partition)) ?? 0);
    return covered === Infinity ? 0 : covered;
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
        if (floor !== undefined && !mayReplace(position, floor)) {
          this.content.discard();
          return { belowFloor: floor };
        }
        const same = own.version === old.version && own.scope === old.scope;
        this.content.swap({
          synchronised: floor !== undefined,
          comparable: floor !== undefined && same && lost.length === 0,
        });
        this.heads.clear();
        this.stored = { term, state: 'ready', position, ...own };
        this.content.settled?.();
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
