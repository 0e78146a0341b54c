import { type Observable, Subject } from 'rxjs';
import { type Change, type Version, type VersionedChange } from './change';
import { InProcessReplica, type InProcessRows } from './in-process';
import { type Replica } from './replica';
import { diff } from './row-diff';
import { VersionedRows } from './versioned-rows';

/** A replica in this process's memory, readable as a map. It starts empty: each process takes its own snapshot. */
export interface LiveView<K, V, C = Change<V, K>> extends ReadonlyMap<K, V>, Replica<C> {
  /**
   * What happens to the rows from now on, in order: told synchronously at the end of each transaction, when the view shows
   * all of it. What has no effect (a removal of what isn't there, an older version) isn't told. It never completes.
   */
  readonly changes$: Observable<ViewChange<V, K>>;
}

/**
 * One row of a view changed: by the first `snapshot`, by an `update` (or what a `refresh` has merged), or by a later snapshot
 * (`resync`), of which only what differs is told, removals included.
 */
export interface ViewChange<V, K = string> {
  readonly change: Change<V, K>;
  readonly origin: 'snapshot' | 'update' | 'resync';
}

export interface LiveViewOptions<V, K> {
  readonly key: (row: V) => K;
}

/**
 * Reads are synchronous and always see whole transactions; a snapshot appears all at once (I6). For a transport whose
 * instances share partitions use a shared replica: a view would be partial, and is refused at the start.
 *
 * With `version` the newer state of a key wins, whichever partition it comes by (I3): removals need a version, and a change
 * without one rejects with `InvalidConfiguration`.
 *
 * @example
 * const view = liveView<Work>({ key: (work) => work.workId });
 * pipeline = source.pipe(translate(toChanges), applyTo(view));
 * view.get('42');
 */
export function liveView<V, K = string>(
  options: LiveViewOptions<V, K> & { readonly version: (row: V) => Version },
): LiveView<K, V, VersionedChange<V, K>>;
export function liveView<V, K = string>(options: LiveViewOptions<V, K>): LiveView<K, V>;
export function liveView<V, K = string>({
  key,
  version,
}: LiveViewOptions<V, K> & { readonly version?: ((row: V) => Version) | undefined }): LiveView<
  K,
  V,
  VersionedChange<V, K>
> {
  const told = new Told<K, V>();
  return version === undefined
    ? new MapReplica<K, V, Change<V, K>>(plainRows(key, told), told)
    : new MapReplica<K, V, VersionedChange<V, K>>(versionedRows(key, version, told), told);
}

/** The rows of a view, and what its replica does with them. */
interface ViewRows<K, V, C> extends InProcessRows<C> {
  readonly shown: ReadonlyMap<K, V>;
}

class MapReplica<K, V, C> extends InProcessReplica<C> implements LiveView<K, V, C> {
  readonly changes$: Observable<ViewChange<V, K>>;

  constructor(
    private readonly view: ViewRows<K, V, C>,
    told: Told<K, V>,
  ) {
    super(view);
    this.changes$ = told.changes.asObservable();
  }

  get size(): number {
    return this.view.shown.size;
  }
  get(key: K): V | undefined {
    return this.view.shown.get(key);
  }
  has(key: K): boolean {
    return this.view.shown.has(key);
  }
  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    this.view.shown.forEach((value, key) => {
      visit(value, key, this);
    });
  }
  entries(): MapIterator<[K, V]> {
    return this.view.shown.entries();
  }
  keys(): MapIterator<K> {
    return this.view.shown.keys();
  }
  values(): MapIterator<V> {
    return this.view.shown.values();
  }
  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.view.shown[Symbol.iterator]();
  }
}

/** What happened in the transaction that is going on, kept only while somebody listens. */
class Told<K, V> {
  readonly changes = new Subject<ViewChange<V, K>>();
  private pending: ViewChange<V, K>[] = [];

  get listened(): boolean {
    return this.changes.observed;
  }

  tell(change: Change<V, K>, origin: ViewChange<V, K>['origin']): void {
    this.pending.push({ change, origin });
  }

  swapped(before: ReadonlyMap<K, V>, after: ReadonlyMap<K, V>, synchronised: boolean): void {
    if (!this.listened) return;
    const origin = synchronised ? 'resync' : 'snapshot';
    for (const change of diff(before, after)) this.tell(change, origin);
  }

  readonly settled = (): void => {
    if (this.pending.length === 0) return;
    const all = this.pending;
    this.pending = [];
    for (const one of all) this.changes.next(one);
  };
}

function plainRows<K, V>(key: (row: V) => K, told: Told<K, V>): ViewRows<K, V, Change<V, K>> {
  let rows = new Map<K, V>();
  let staged = new Map<K, V>();
  return {
    get shown() {
      return rows;
    },
    stage: (changes) => {
      write(staged, changes, key);
    },
    discard: () => {
      staged = new Map();
    },
    swap: ({ synchronised }) => {
      told.swapped(rows, staged, synchronised);
      rows = staged;
      staged = new Map();
    },
    apply: (changes) => {
      if (!told.listened) write(rows, changes, key);
      else
        for (const change of changes) {
          const gone = change.op === 'remove' && !rows.has(change.key);
          write(rows, [change], key);
          if (!gone) told.tell(change, 'update');
        }
    },
    settled: told.settled,
  };
}

function write<K, V>(rows: Map<K, V>, changes: readonly Change<V, K>[], key: (row: V) => K): void {
  for (const change of changes) {
    if (change.op === 'upsert') rows.set(key(change.row), change.row);
    else rows.delete(change.key);
  }
}

function versionedRows<K, V>(
  key: (row: V) => K,
  version: (row: V) => Version,
  told: Told<K, V>,
): ViewRows<K, V, VersionedChange<V, K>> {
  let live = new VersionedRows(key, version);
  let staged = new VersionedRows(key, version);
  return {
    get shown() {
      return live.rows;
    },
    check: (changes) => {
      live.check(changes);
    },
    stage: (changes) => {
      staged.check(changes);
      for (const change of changes) staged.write(change);
    },
    discard: () => {
      staged = new VersionedRows(key, version, live.sequence);
    },
    swap: ({ synchronised, comparable }) => {
      if (comparable) staged.inherit(live);
      told.swapped(live.rows, staged.rows, synchronised);
      live = staged;
      staged = new VersionedRows(key, version, live.sequence);
    },
    apply: (changes) => {
      for (const change of changes) if (live.write(change) && told.listened) told.tell(change, 'update');
    },
    settled: told.settled,
    tombstones: {
      sequence: () => live.sequence,
      prune: (through) => {
        live.prune(through);
      },
    },
  };
}
