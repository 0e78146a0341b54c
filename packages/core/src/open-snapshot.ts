import { orAborted } from './abort';
import { adopted } from './adopt-snapshot';
import { SnapshotRejected, SnapshotTooOld } from './errors';
import { coversFloor } from './floor';
import { type Plan } from './plan';
import { type Position } from './position';
import { isRetryable } from './retry';
import { type Snapshot, type SnapshotToken } from './snapshot';
import { type Source } from './source';
import { sealOf, type StagedPlace } from './staged-place';

/** A snapshot that is open, in the transport's terms. */
export interface OpenSnapshot extends Snapshot {
  readonly seal: string;
  /** The token that its source was asked to go on from; it did if the snapshot is `resumed`. */
  readonly askedFrom: SnapshotToken | undefined;
  /** It outlives the state that asked for it, so it has an abort signal of its own. */
  readonly life: AbortController;
}

export interface SnapshotWish {
  /** The transport's, of now. */
  readonly source: Source;
  readonly floor: Position | undefined;
  readonly neverSynchronised: boolean;
  /** What is staged already, if anything is. */
  readonly from: StagedPlace | undefined;
}

/**
 * Asks for the rest of what is staged, if anything is, and for a whole snapshot where that can't be had: the source begins
 * anew or refuses, the rest is of another snapshot (I6), or it is below the floor by now.
 */
export async function openSnapshot(plan: Plan, wish: SnapshotWish, signal: AbortSignal): Promise<OpenSnapshot> {
  const { from, floor } = wish;
  if (from === undefined) return whole(plan, wish, signal);
  try {
    const snapshot = await opened(plan, wish, from.token, signal);
    if (snapshot.resumed !== true) return snapshot;
    if (snapshot.seal === from.seal && (floor === undefined || coversFloor(snapshot.position, floor))) return snapshot;
    snapshot.life.abort();
  } catch (error) {
    signal.throwIfAborted();
    if (isRetryable(error) && !(error instanceof SnapshotTooOld)) throw error;
  }
  return whole(plan, wish, signal);
}

async function whole(plan: Plan, wish: SnapshotWish, signal: AbortSignal): Promise<OpenSnapshot> {
  const snapshot = await opened(plan, wish, undefined, signal);
  if (snapshot.resumed !== true) return { ...snapshot, askedFrom: wish.from?.token };
  snapshot.life.abort();
  throw new SnapshotRejected(
    `the snapshot of pipeline "${plan.name}" is resumed, which wasn't asked for: its first rows are missing`,
    false,
  );
}

async function opened(
  plan: Plan,
  { source, floor, neverSynchronised }: SnapshotWish,
  resume: SnapshotToken | undefined,
  signal: AbortSignal,
): Promise<OpenSnapshot> {
  const life = new AbortController();
  try {
    const request = { notOlderThan: floor, scope: plan.scope, resume, signal: life.signal };
    const taken = await orAborted(plan.snapshot.open(request), signal);
    const snapshot = adopted(plan, taken, source, neverSynchronised);
    return { ...snapshot, seal: sealOf(snapshot), askedFrom: resume, life };
  } catch (error) {
    life.abort();
    throw error;
  }
}

/** A snapshot that came to its end with as many rows as it had announced, where it had. */
export function requireWhole({ name }: Plan, { count }: Snapshot, rows: number): void {
  if (count === undefined || count === rows) return;
  throw new SnapshotRejected(`the snapshot of pipeline "${name}" announced ${count} rows, ${rows} came`, true, {
    damaged: true,
  });
}
