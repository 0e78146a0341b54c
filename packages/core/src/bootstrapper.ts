import { aborted, nobodyAsks, orAborted } from './abort';
import { Breather } from './breather';
import { type Doubts } from './doubts';
import { FencedOut, SnapshotRejected, TakeLost } from './errors';
import { coversFloor } from './floor';
import { floor, gone, type HandoffEvent, type HandoffState, lossesOf, withLost } from './handoff';
import { tooOld } from './handoff-errors';
import { type OpenSnapshot, openSnapshot, requireWhole } from './open-snapshot';
import { type Plan, type Steps } from './plan';
import { type Position } from './position';
import { type Bootstrap, type Replica, type Stored } from './replica';
import { asError, backoffMs, isRetryable, retrying } from './retry';
import { placeFromToken, placeToToken, type StagedPlace } from './staged-place';
import { type SyncEvent } from './sync-event';

/** Does what each state of the handoff says, and answers with the event that follows. */
export class Bootstrapper<Change> {
  private snapshot: OpenSnapshot | undefined;
  private bootstrap: Bootstrap<Change> | undefined;
  private beating: AbortController | undefined;
  /** Where the staging of the held term could be gone on with; `undefined`: it must begin anew. */
  private place: StagedPlace | undefined;
  private stagedRows = 0;
  /** The seal of the snapshot whose start was told last. */
  private told: string | undefined;

  constructor(
    private readonly plan: Plan,
    private readonly replica: Replica<Change>,
    private readonly steps: Steps<Change>,
    private readonly doubts: Doubts,
    private readonly session: {
      send(event: SyncEvent<never>): Promise<void> | undefined;
      /** Tells the rows that were staged. */
      rows(changes: readonly Change[]): Promise<void> | undefined;
      fenced(): void;
    },
  ) {}

  /** What `signal` interrupts is left at once; what writes to the replica settles first. */
  async act(state: HandoffState, signal: AbortSignal): Promise<HandoffEvent> {
    if (!('held' in state) || state.held === undefined) this.letGo();
    switch (state.at) {
      case 'loading':
        return this.load(signal);
      case 'waiting':
        await this.plan.runtime.sleep(this.plan.times.takeoverMs / 20, signal);
        return this.load(signal);
      case 'verifying':
        return this.verified(state.seen.position, signal);
      case 'judging':
        return this.verified('position' in state.seen ? state.seen.position : undefined, signal);
      case 'opening':
        return this.open(state, signal);
      case 'taking':
        return this.take(state, signal);
      case 'staging':
        return this.stage(signal);
      case 'swapping':
        return this.swap(state, signal);
      case 'givingBack':
        return this.giveBack(signal);
      case 'resting':
        await (state.long === true ? this.longPause(state.spent, signal) : this.pause(state.attempt, signal));
        return { type: 'woke' };
      case 'following':
      case 'failed':
      case 'stopped':
        return aborted(signal);
    }
  }

  /** Ends the heartbeat and lets go of a snapshot that is still open. */
  release(): void {
    this.letGo();
    this.closeSnapshot();
  }

  /** The term isn't held any more, or never was. */
  private letGo(): void {
    this.beating?.abort(nobodyAsks);
    this.bootstrap = undefined;
    this.place = undefined;
  }

  private async load(signal: AbortSignal): Promise<HandoffEvent> {
    const stored = await this.retrying(() => this.replica.load(), signal);
    return { type: 'loaded', stored, now: this.plan.runtime.now() };
  }

  private async verified(
    position: Position | undefined,
    signal: AbortSignal,
  ): Promise<HandoffEvent & { readonly type: 'verified' }> {
    if (position === undefined) return { type: 'verified', partitions: [] };
    const { partitions } = await this.retrying(() => this.plan.transport.verify(position, signal), signal);
    return { type: 'verified', partitions: this.doubts.settle(partitions, this.plan.runtime.now()) };
  }

  private async open(state: HandoffState & { readonly at: 'opening' }, signal: AbortSignal): Promise<HandoffEvent> {
    const { reason, lost, attempt, rounds, held } = state;
    if (reason !== undefined && held === undefined && attempt <= rounds)
      await this.session.send({ type: 'mustRefetch', reason, partitions: lost.map(({ partition }) => partition) });
    this.closeSnapshot();
    if (attempt > 0 && held !== undefined) await this.pause(attempt, signal);
    try {
      const source = await this.retrying(() => this.plan.transport.identify(signal), signal);
      const required = await this.required(state, signal);
      const neverSynchronised = state.seen.state === 'empty' || isFirstBootstrap(state.seen);
      const from = this.placeOf(state);
      this.snapshot = await openSnapshot(this.plan, { source, floor: required, neverSynchronised, from }, signal);
      const { position } = this.snapshot;
      if (required !== undefined && !coversFloor(position, required)) return await this.below(required);
      return { type: 'opened', snapshot: position };
    } catch (error) {
      return this.broken(error, signal);
    }
  }

  /**
   * What the snapshot must cover. Before the term is taken nobody may have looked at the stored position (another version's, a dead
   * bootstrapper's), or not for long: without what is gone by now A would be asked for the impossible, for ever.
   */
  private async required(
    state: HandoffState & { readonly at: 'opening' },
    signal: AbortSignal,
  ): Promise<Position | undefined> {
    const { seen, held } = state;
    if (held !== undefined || !('position' in seen)) return floor(state);
    const { partitions } = await this.verified(seen.position, signal);
    return floor({ ...state, lost: withLost(state.lost, lossesOf(partitions)) });
  }

  /**
   * What is staged already: by us, or by a bootstrapper that died. If asking for the rest of the latter's fails again and again,
   * a whole snapshot is asked for; once the term is held, the budget bounds it.
   */
  private placeOf({ seen, held, attempt }: HandoffState & { readonly at: 'opening' }): StagedPlace | undefined {
    if (held !== undefined) return this.place;
    const { version, scope, snapshotAttempts } = this.plan;
    if (seen.state !== 'bootstrapping' || attempt >= snapshotAttempts) return undefined;
    return seen.version === version && seen.scope === scope ? placeFromToken(seen.resume) : undefined;
  }

  private async take({ seen }: HandoffState & { readonly at: 'taking' }, signal: AbortSignal): Promise<HandoffEvent> {
    const { name, version, scope } = this.plan;
    try {
      const bootstrap = await this.replica.take(seen, { pipeline: name, version, scope });
      if (signal.aborted) {
        await bootstrap.giveBack();
        return { type: 'fenced' };
      }
      this.bootstrap = bootstrap;
      this.place = placeFromToken(bootstrap.resume);
      this.beat(bootstrap);
      const reopen = !this.fits();
      if (reopen) this.closeSnapshot();
      return { type: 'taken', term: bootstrap.term, reopen };
    } catch (error) {
      if (error instanceof TakeLost) return { type: 'takeLost' };
      return isRetryable(error) ? this.takeUnknown(error) : { type: 'failed', error };
    }
  }

  /** Is the snapshot that is open the rest of what is staged, or was the rest asked for in vain? */
  private fits(): boolean {
    const { place, snapshot } = this;
    const asked = place !== undefined && snapshot?.askedFrom === place.token;
    return snapshot?.resumed === true ? asked && snapshot.seal === place.seal : asked || place === undefined;
  }

  /** Whether the term was taken isn't known: if it was, its heartbeat stands still and it is taken over. */
  private takeUnknown(error: unknown): HandoffEvent {
    void this.session.send({ type: 'trouble', error: asError(error) });
    return { type: 'takeLost' };
  }

  /** Raises the heartbeat until the bootstrap ends, also while A keeps us waiting. */
  private beat(bootstrap: Bootstrap<Change>): void {
    this.beating?.abort(nobodyAsks);
    const beating = new AbortController();
    this.beating = beating;
    const { runtime, times } = this.plan;
    const loop = async () => {
      for (;;) {
        await runtime.sleep(times.beatMs, beating.signal);
        await bootstrap.beat().catch((error: unknown) => {
          if (beating.signal.aborted) return;
          if (error instanceof FencedOut) {
            beating.abort(nobodyAsks);
            this.session.fenced();
          } else void this.session.send({ type: 'trouble', error: asError(error) });
        });
      }
    };
    loop().catch(() => undefined); // only the sleep rejects, when the beating ends
  }

  private async stage(signal: AbortSignal): Promise<HandoffEvent> {
    const { bootstrap, snapshot } = this;
    if (bootstrap === undefined || snapshot === undefined) return { type: 'broken', error: undefined };
    const chunks = snapshot.chunks[Symbol.asyncIterator]();
    let further = false;
    try {
      await this.begin(bootstrap, snapshot);
      const breather = new Breather(this.plan.runtime); // the heartbeat must go on
      for (;;) {
        const result = await orAborted(chunks.next(), signal);
        if (result.done === true) break;
        const chunk = result.value;
        const messages = this.steps.rows(chunk.topic, chunk.rows, chunk.tombstones);
        this.place = undefined; // until the outcome is known
        const rows = this.stagedRows + chunk.rows.length;
        const place = chunk.token === undefined ? undefined : { seal: snapshot.seal, rows, token: chunk.token };
        await bootstrap.stage(messages, place && placeToToken(place));
        this.place = place;
        this.stagedRows = rows;
        further ||= chunk.rows.length > 0;
        if (messages.length > 0) await this.session.rows(messages);
        await breather.pause();
      }
      requireWhole(this.plan, snapshot, this.stagedRows);
      return { type: 'staged' };
    } catch (error) {
      const damaged = error instanceof SnapshotRejected && error.damaged;
      if (damaged) await this.forget(bootstrap);
      return await this.broken(error, signal, further && this.place !== undefined);
    } finally {
      if (signal.aborted) this.closeSnapshot();
      // not awaited: a source that hangs mustn't hold us
      chunks.return?.().catch(() => undefined);
    }
  }

  /** Keeps what is staged if this snapshot is its rest, and only then (I6). */
  private async begin(bootstrap: Bootstrap<Change>, snapshot: OpenSnapshot): Promise<void> {
    const { seal, position } = snapshot;
    if (snapshot.resumed === true && this.fits() && this.place !== undefined) {
      this.stagedRows = this.place.rows;
      if (this.told !== seal) await this.session.send({ type: 'snapshotStart', position, resumed: true });
    } else {
      this.place = undefined;
      this.stagedRows = 0;
      await bootstrap.discard();
      await this.session.send({ type: 'snapshotStart', position });
    }
    this.told = seal;
  }

  /** What came can't be trusted: neither we nor a successor may go on with it. */
  private async forget(bootstrap: Bootstrap<Change>): Promise<void> {
    this.place = undefined;
    await bootstrap.discard().catch(() => undefined); // if it can't be now: it is before the next snapshot
  }

  private async swap(state: HandoffState & { readonly at: 'swapping' }, signal: AbortSignal): Promise<HandoffEvent> {
    const { bootstrap } = this;
    if (bootstrap === undefined) return { type: 'fenced' };
    try {
      const result = await this.retrying(() => bootstrap.swap(state.snapshot, gone(state.lost)), signal);
      if (result === 'swapped') {
        this.snapshot = undefined;
        await this.session.send({ type: 'snapshotEnd', rows: this.stagedRows, position: state.snapshot });
        return { type: 'swapped' };
      }
      return await this.below(result.belowFloor);
    } catch (error) {
      if (error instanceof FencedOut) return { type: 'fenced' };
      throw error;
    }
  }

  private async giveBack(signal: AbortSignal): Promise<HandoffEvent> {
    this.beating?.abort(nobodyAsks);
    this.closeSnapshot();
    const { bootstrap } = this;
    if (bootstrap === undefined) return { type: 'fenced' };
    try {
      await this.retrying(() => bootstrap.giveBack(), signal);
      return { type: 'gaveBack' };
    } catch (error) {
      if (error instanceof FencedOut) return { type: 'fenced' };
      throw error;
    }
  }

  private async below(required: Position): Promise<HandoffEvent> {
    this.place = undefined;
    this.closeSnapshot();
    await this.session.send({ type: 'trouble', error: tooOld(required) });
    return { type: 'belowFloor' };
  }

  /** What opening or staging threw. */
  private async broken(error: unknown, signal: AbortSignal, further = false): Promise<HandoffEvent> {
    signal.throwIfAborted();
    if (error instanceof FencedOut) return { type: 'fenced' };
    this.closeSnapshot();
    if (!isRetryable(error)) return { type: 'failed', error };
    await this.session.send({ type: 'trouble', error: asError(error) });
    return { type: 'broken', error, further };
  }

  /** Tells A that nobody reads on. */
  private closeSnapshot(): void {
    this.snapshot?.life.abort();
    this.snapshot = undefined;
  }

  private pause(attempt: number, signal: AbortSignal): Promise<void> {
    const { runtime, times } = this.plan;
    const backoff = { baseMs: times.retryMs / 50, maxMs: times.retryMs };
    return runtime.sleep(backoffMs(backoff, attempt, runtime.random), signal);
  }

  /** While a term was held everything stood still: intact partitions get some time to go on, longer after each budget. */
  private longPause(spent: number, signal: AbortSignal): Promise<void> {
    const { runtime, times } = this.plan;
    const longest = times.retryMs * Math.min(2 ** spent, 12);
    return runtime.sleep((longest * (1 + runtime.random())) / 2, signal);
  }

  private retrying<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { runtime, times } = this.plan;
    return retrying(work, {
      runtime,
      signal,
      backoff: { baseMs: times.retryMs / 50, maxMs: times.retryMs },
      onTrouble: (error) => void this.session.send({ type: 'trouble', error }),
    });
  }
}

const isFirstBootstrap = (seen: Stored): boolean => seen.state === 'bootstrapping' && seen.position === undefined;
