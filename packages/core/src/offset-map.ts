import type { eq, joinSemilattice, lattice, meetSemilattice, monoid } from 'fp-ts';
import { InvalidConfiguration } from './errors';
import { beginning, compareOffsets, type Offset, type OffsetOrder } from './offset';
import { type Mark, type Partition, partitionKey } from './partition';

/** One partition and what is known of it. */
export interface Entry extends Partition, Mark {}

/** How two offset maps stand to each other. */
export type Comparison = 'before' | 'equal' | 'after' | 'concurrent';

/**
 * Partition → mark: how far every partition has come. Immutable, and a distributive lattice: `join` takes the later mark of
 * each partition, `meet` the earlier one. A partition that isn't in the map counts as being at its beginning (I4).
 */
export class OffsetMap implements Iterable<Entry> {
  private constructor(
    readonly order: OffsetOrder,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  static empty(order: OffsetOrder): OffsetMap {
    return new OffsetMap(order, new Map());
  }

  /** Later entries of the same partition win. */
  static from(order: OffsetOrder, entries: Iterable<Entry>): OffsetMap {
    const map = new Map<string, Entry>();
    for (const entry of entries) map.set(partitionKey(entry), entry);
    return new OffsetMap(order, map);
  }

  get size(): number {
    return this.entries.size;
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.entries.values();
  }

  get(partition: Partition): Mark | undefined {
    return this.entries.get(partitionKey(partition));
  }

  has(partition: Partition): boolean {
    return this.entries.has(partitionKey(partition));
  }

  /** The last record included of this partition; `beginning` where the map doesn't name it. */
  through(partition: Partition): Offset {
    return this.get(partition)?.through ?? beginning;
  }

  with({ topic, partition }: Partition, { through, witness }: Mark): OffsetMap {
    const entry = { topic, partition, through, witness };
    return new OffsetMap(this.order, new Map(this.entries).set(partitionKey(entry), entry));
  }

  /** The map without these partitions. */
  without(partitions: Iterable<Partition>): OffsetMap {
    const entries = new Map(this.entries);
    for (const p of partitions) entries.delete(partitionKey(p));
    return new OffsetMap(this.order, entries);
  }

  filter(keep: (entry: Entry) => boolean): OffsetMap {
    return OffsetMap.from(this.order, [...this].filter(keep));
  }

  /** The least map that covers both. */
  join(other: OffsetMap): OffsetMap {
    this.requireSameOrder(other);
    const entries = new Map(this.entries);
    for (const [key, entry] of other.entries) {
      const mine = entries.get(key);
      if (mine === undefined || compareMarks(this.order, mine, entry) < 0) entries.set(key, entry);
    }
    return new OffsetMap(this.order, entries);
  }

  /** The greatest map that both cover. */
  meet(other: OffsetMap): OffsetMap {
    this.requireSameOrder(other);
    const entries = new Map<string, Entry>();
    for (const [key, entry] of this.entries) {
      const theirs = other.entries.get(key);
      if (theirs !== undefined) entries.set(key, compareMarks(this.order, entry, theirs) <= 0 ? entry : theirs);
    }
    return new OffsetMap(this.order, entries);
  }

  /** Is everything that `other` includes included here? Witnesses play no part. */
  covers(other: OffsetMap): boolean {
    this.requireSameOrder(other);
    for (const entry of other) if (compareOffsets(this.order, this.through(entry), entry.through) < 0) return false;
    return true;
  }

  compare(other: OffsetMap): Comparison {
    const covers = this.covers(other);
    const covered = other.covers(this);
    return covers ? (covered ? 'equal' : 'after') : covered ? 'before' : 'concurrent';
  }

  private requireSameOrder(other: OffsetMap): void {
    if (this.order !== other.order)
      throw new InvalidConfiguration(`offset maps of different orders: ${this.order} and ${other.order}`);
  }
}

/** Marks are totally ordered, or `join` would depend on who asks: by offset, then by witness, an unproven one first. */
function compareMarks(order: OffsetOrder, a: Mark, b: Mark): number {
  const byOffset = compareOffsets(order, a.through, b.through);
  if (byOffset !== 0) return byOffset;
  const [x, y] = [a.witness ?? '', b.witness ?? ''];
  return x === y ? 0 : x < y ? -1 : 1;
}

/** fp-ts `Eq`: equal as far as they have come. */
export const offsetMapEq: eq.Eq<OffsetMap> = { equals: (a, b) => a.compare(b) === 'equal' };

/** fp-ts `Lattice`: both semilattices, which absorb each other. */
export const offsetMapLattice: lattice.Lattice<OffsetMap> &
  joinSemilattice.JoinSemilattice<OffsetMap> &
  meetSemilattice.MeetSemilattice<OffsetMap> = {
  join: (a, b) => a.join(b),
  meet: (a, b) => a.meet(b),
};

/** fp-ts `Monoid` of `join`: folding positions, the empty map first. */
export const offsetMapJoin = (order: OffsetOrder): monoid.Monoid<OffsetMap> => ({
  empty: OffsetMap.empty(order),
  concat: (a, b) => a.join(b),
});
