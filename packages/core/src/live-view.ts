import { type Change } from './change';
import { InProcessReplica } from './in-process';
import { type Replica } from './replica';

/** A replica in this process's memory, readable as a map. It starts empty: each process takes its own snapshot. */
export interface LiveView<K, V> extends ReadonlyMap<K, V>, Replica<Change<V, K>> {}

/**
 * Reads are synchronous and always see whole transactions; a snapshot appears all at once (I6). For a transport whose
 * instances share partitions use a shared replica: a view would be partial, and is refused at the start.
 *
 * @example
 * const view = liveView<Work>({ key: (work) => work.workId });
 * pipeline = source.pipe(translate(toChanges), applyTo(view));
 * view.get('42');
 */
export function liveView<V, K = string>(options: { readonly key: (value: V) => K }): LiveView<K, V> {
  return new MapReplica<K, V>(options.key);
}

class MapReplica<K, V> extends InProcessReplica<Change<V, K>> implements LiveView<K, V> {
  private rows: Map<K, V>;

  constructor(key: (value: V) => K) {
    let staged = new Map<K, V>();
    super({
      stage: (changes) => {
        write(staged, changes, key);
      },
      discard: () => {
        staged = new Map();
      },
      swap: () => {
        this.rows = staged;
        staged = new Map();
      },
      apply: (changes) => {
        write(this.rows, changes, key);
      },
    });
    this.rows = new Map();
  }

  get size(): number {
    return this.rows.size;
  }
  get(key: K): V | undefined {
    return this.rows.get(key);
  }
  has(key: K): boolean {
    return this.rows.has(key);
  }
  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    this.rows.forEach((value, key) => {
      visit(value, key, this);
    });
  }
  entries(): MapIterator<[K, V]> {
    return this.rows.entries();
  }
  keys(): MapIterator<K> {
    return this.rows.keys();
  }
  values(): MapIterator<V> {
    return this.rows.values();
  }
  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.rows[Symbol.iterator]();
  }
}

function write<K, V>(rows: Map<K, V>, changes: readonly Change<V, K>[], key: (value: V) => K): void {
  for (const change of changes) {
    if (change.op === 'upsert') rows.set(key(change.row), change.row);
    else rows.delete(change.key);
  }
}
