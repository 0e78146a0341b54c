import { type Version, type VersionedChange } from './change';
import { InvalidConfiguration } from './errors';

interface Tombstone {
  readonly version: Version;
  /** When it was written, counted in tombstones: what pruning goes by. */
  readonly sequence: number;
}

/** Tombstones that one prune removes beside those that the changes since have paid for. */
const prunedAtLeast = 1_000;

/**
 * Rows of which the newer version wins, in whatever order they come. A removal leaves a tombstone: an older upsert that comes
 * later is dropped. At the same version a removal wins over an upsert, and of two upserts the later to come is kept (they
 * say the same).
 */
export class VersionedRows<K, V> {
  rows = new Map<K, V>();
  /** Oldest sequence first. */
  private tombstones = new Map<K, Tombstone>();
  private pruneThrough = 0;
  private applied = 0;

  constructor(
    private readonly key: (row: V) => K,
    private readonly version: (row: V) => Version,
    /** The number of tombstones ever written. */
    public sequence = 0,
  ) {}

  /** Throws {@link InvalidConfiguration} for a change without a version. Nothing is written. */
  check(changes: readonly VersionedChange<V, K>[]): void {
    for (const change of changes)
      if (!isVersion(change.op === 'upsert' ? this.version(change.row) : change.version))
        throw new InvalidConfiguration(
          `liveView: ${change.op === 'upsert' ? 'a row' : 'a removal'} has no version, which is a whole number within ±(2^53 − 1) or a bigint; use \`remove(key, version)\``,
        );
  }

  /** Answers whether the change had an effect on the rows. */
  write(change: VersionedChange<V, K>): boolean {
    this.applied++;
    return change.op === 'upsert' ? this.upsert(change.row) : this.remove(change.key, change.version);
  }

  private upsert(row: V): boolean {
    const key = this.key(row);
    const version = this.version(row);
    const tombstone = this.tombstones.get(key);
    if (tombstone !== undefined && tombstone.version >= version) return false;
    const old = this.rows.get(key);
    if (old !== undefined && this.version(old) > version) return false;
    this.rows.set(key, row);
    return true;
  }

  private remove(key: K, version: Version): boolean {
    const old = this.rows.get(key);
    if (old !== undefined && this.version(old) > version) return false;
    this.bury(key, version);
    return this.rows.delete(key);
  }

  private bury(key: K, version: Version): void {
    const there = this.tombstones.get(key);
    if (there !== undefined && there.version >= version) return;
    this.tombstones.delete(key); // so that it comes last
    this.tombstones.set(key, { version, sequence: ++this.sequence });
  }

  /**
   * Takes over what `before` knows of deletions: its tombstones, which these rows don't survive unless they are newer, and the
   * rows that these don't have any more.
   */
  inherit(before: VersionedRows<K, V>): void {
    const own = this.tombstones;
    this.sequence = Math.max(this.sequence, before.sequence);
    this.tombstones = new Map(before.tombstones);
    for (const [key, { version }] of own) this.bury(key, version);
    for (const [key, { version }] of this.tombstones) {
      const row = this.rows.get(key);
      if (row !== undefined && this.version(row) <= version) this.rows.delete(key);
    }
    for (const [key, row] of before.rows) if (!this.rows.has(key)) this.bury(key, this.version(row));
  }

  /** Removes tombstones through this sequence, as many as the changes since the last call have paid for, and some more. */
  prune(through: number): void {
    this.pruneThrough = Math.max(this.pruneThrough, through);
    let left = prunedAtLeast + 2 * this.applied;
    this.applied = 0;
    for (const [key, { sequence }] of this.tombstones) {
      if (sequence > this.pruneThrough || left-- === 0) return;
      this.tombstones.delete(key);
    }
  }

  /** How many deletions are remembered. */
  get buried(): number {
    return this.tombstones.size;
  }
}

const isVersion = (version: unknown): boolean => typeof version === 'bigint' || Number.isSafeInteger(version);
