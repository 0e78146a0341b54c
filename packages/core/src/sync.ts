import { Observable } from 'rxjs';
import { type Plan } from './plan';
import { observe } from './observe';
import { type SyncEvent } from './sync-event';

declare const onlyTidemarkStepsKeepPositions: unique symbol;

/**
 * A cold synchronisation. It is an Observable of `SyncEvent`: piped through plain RxJS operators, an event is acknowledged when
 * `next` returns, no position is kept, and each subscription takes the snapshot anew. Through Tidemark's steps (`translate`,
 * then a terminal) it keeps credit, positions and bounded memory. A plain operator before one of our steps doesn't compile,
 * because a `filter` there would swallow an acknowledgement.
 */
export interface Sync<out M> extends Observable<SyncEvent<M>> {
  readonly [onlyTidemarkStepsKeepPositions]: M;
  pipe(): this;
  pipe<A>(a: (s: Sync<M>) => A): A;
  pipe<A, B>(a: (s: Sync<M>) => A, b: (s: A) => B): B;
  pipe<A, B, C>(a: (s: Sync<M>) => A, b: (s: A) => B, c: (s: B) => C): C;
  pipe<A, B, C, D>(a: (s: Sync<M>) => A, b: (s: A) => B, c: (s: B) => C, d: (s: C) => D): D;
  pipe<A, B, C, D, E>(a: (s: Sync<M>) => A, b: (s: A) => B, c: (s: B) => C, d: (s: C) => D, e: (s: D) => E): E;
  pipe<A, B, C, D, E, F>(
    a: (s: Sync<M>) => A,
    b: (s: A) => B,
    c: (s: B) => C,
    d: (s: C) => D,
    e: (s: D) => E,
    f: (s: E) => F,
  ): F;
  pipe<A, B, C, D, E, F, G>(
    a: (s: Sync<M>) => A,
    b: (s: A) => B,
    c: (s: B) => C,
    d: (s: C) => D,
    e: (s: D) => E,
    f: (s: E) => F,
    g: (s: F) => G,
  ): G;
  pipe<A, B, C, D, E, F, G, H>(
    a: (s: Sync<M>) => A,
    b: (s: A) => B,
    c: (s: B) => C,
    d: (s: C) => D,
    e: (s: D) => E,
    f: (s: E) => F,
    g: (s: F) => G,
    h: (s: G) => H,
  ): H;
  pipe<A, B, C, D, E, F, G, H, I>(
    a: (s: Sync<M>) => A,
    b: (s: A) => B,
    c: (s: B) => C,
    d: (s: C) => D,
    e: (s: D) => E,
    f: (s: E) => F,
    g: (s: F) => G,
    h: (s: G) => H,
    i: (s: H) => I,
  ): I;
  pipe<A, B, C, D, E, F, G, H>(
    a: (s: Sync<M>) => A,
    b: (s: A) => B,
    c: (s: B) => C,
    d: (s: C) => D,
    e: (s: D) => E,
    f: (s: E) => F,
    g: (s: F) => G,
    h: (s: G) => H,
    i: (s: H) => unknown,
    ...rest: ((s: never) => unknown)[]
  ): Observable<unknown>;
}

class PlannedSync extends Observable<SyncEvent<unknown>> {
  constructor(readonly plan: Plan) {
    super((subscriber) => observe(plan, subscriber));
  }
}

/** The only way to make a `Sync`. */
export const syncOf = <M>(plan: Plan): Sync<M> => new PlannedSync(plan) as unknown as Sync<M>;

/** The plan inside, for our own steps. */
export function planOf(sync: Sync<unknown>): Plan {
  if (sync instanceof PlannedSync) return sync.plan;
  throw new TypeError("Tidemark's steps take what snapshotThenSubscribe or another step returned, no other Observable");
}
