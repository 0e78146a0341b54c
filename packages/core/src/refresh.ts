import { orAborted } from './abort';
import { Breather } from './breather';
import { FencedOut, InvalidConfiguration } from './errors';
import { mayReplace } from './floor';
import { tooOld } from './handoff-errors';
import { openSnapshot, requireWhole } from './open-snapshot';
import { type Plan, type Steps } from './plan';
import { type Position } from './position';
import { type Merging, type Replica } from './replica';
import { ready } from './ready-state';
import { asError, backoffMs, isRetryable } from './retry';

/** Which part of A's state is asked for again. */
export interface RefreshOptions {
  /** As A's snapshot understands it (`media=42`); within the pipeline's own scope. */
  readonly scope: string;
  /** Ends it. What was merged by then stays: it is newer rows, and no more. */
  readonly signal?: AbortSignal | undefined;
}

/** The snapshot that was merged. */
export interface Refreshed {
  readonly rows: number;
  readonly position: Position;
}

/** What a refresh uses of its pipeline. */
export interface RefreshParts<Change> {
  readonly plan: Plan;
  readonly replica: Replica<Change>;
  readonly steps: Steps<Change>;
  /** These were merged. */
  merged(changes: readonly Change[]): Promise<void> | undefined;
  trouble(error: Error): void;
}

/** Changes a transaction, at most. */
const pieceSize = 500;

/** Merges a snapshot of this scope (I8), asking for one again as often as for one of everything. */
export async function refresh<Change>(
  parts: RefreshParts<Change>,
  scope: string,
  signal: AbortSignal,
): Promise<Refreshed> {
  const { runtime, times, snapshotAttempts } = parts.plan;
  const backoff = { baseMs: times.retryMs / 50, maxMs: times.retryMs };
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await mergeOne(parts, scope, signal);
    } catch (error) {
      signal.throwIfAborted();
      // a term that is over is another bootstrap's doing: the next one may serve
      const mayPass = error instanceof FencedOut || isRetryable(error);
      if (attempt >= snapshotAttempts || !mayPass) throw error;
      parts.trouble(asError(error));
    }
    await runtime.sleep(backoffMs(backoff, attempt, runtime.random), signal);
  }
}

async function mergeOne<Change>(parts: RefreshParts<Change>, scope: string, signal: AbortSignal): Promise<Refreshed> {
  const { plan, replica, steps } = parts;
  const stored = await replica.load();
  const { pruned } = stored;
  if (pruned === undefined) throw unmergeable(plan);
  const { term, position: reached } = ready(plan, stored);
  const source = await plan.transport.identify(signal);
  const wish = { source, floor: reached, neverSynchronised: false, from: undefined };
  const snapshot = await openSnapshot({ ...plan, scope }, wish, signal);
  try {
    const { position } = snapshot;
    if (!mayReplace(position, reached)) throw tooOld(reached);
    const chunks = snapshot.chunks[Symbol.asyncIterator]();
    const breather = new Breather(plan.runtime);
    let rows = 0;
    for (;;) {
      const next = await orAborted(chunks.next(), signal);
      if (next.done === true) break;
      const changes = steps.rows(next.value.topic, next.value.rows, next.value.tombstones);
      for (let at = 0; at < changes.length; at += pieceSize) {
        const piece = changes.slice(at, at + pieceSize);
        await amend(replica, term, piece, { position, pruned });
        await parts.merged(piece);
        signal.throwIfAborted();
      }
      rows += next.value.rows.length;
      await breather.pause();
    }
    requireWhole(plan, snapshot, rows);
    return { rows, position };
  } finally {
    snapshot.life.abort();
  }
}

async function amend<Change>(
  replica: Replica<Change>,
  term: number,
  changes: readonly Change[],
  merging: Merging,
): Promise<void> {
  const answer = await replica.amend(term, { changes, merging });
  if (typeof answer === 'object') throw tooOld(answer.below);
}

/** Refused before A is asked for anything. */
const unmergeable = ({ name }: Plan): InvalidConfiguration =>
  new InvalidConfiguration(
    `pipeline "${name}" can't be refreshed: the rows of a part are merged by their versions, and there are none here; use a replica with \`version\``,
  );
