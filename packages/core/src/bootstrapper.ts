import { aborted, orAborted } from './abort';
import { type Doubts } from './doubts';
import { FencedOut, SnapshotRejected, SourceMismatch, TakeLost } from './errors';
import { coversFloor } from './floor';
import { floor, gone, type HandoffEvent, type HandoffState, tooOld } from './handoff';
import { type Plan, type Steps } from './plan';
import { type Position } from './position';
import { type Bootstrap, type Replica } from './replica';
import { asError, backoffMs, isRetryable, retrying } from './retry';
import { type Snapshot } from './snapshot';
import { compareSources, showSource, type Source, untold } from './source';
import { type SyncEvent } from './sync-event';

/** Does what each state of the handoff says, and answers with the event that follows. */
export class Bootstrapper<Change> {
  private snapshot: (Snapshot & { readonly life: AbortController }) | undefined;
  private bootstrap: Bootstrap<Change> | undefined;
  private beating: AbortController | undefined;
  private stagedRows = 0;

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
        return this.verify(state.seen.position, signal);
      case 'judging':
        return this.verify('position' in state.seen ? state.seen.position : undefined, signal);
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
        await this.pause(state.attempt, signal);
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
    this.beating?.abort();
    this.bootstrap = undefined;
  }

  private async load(signal: AbortSignal): Promise<HandoffEvent> {
    const stored = await this.retrying(() => this.replica.load(), signal);
    return { type: 'loaded', stored, now: this.plan.runtime.now() };
  }

  private async verify(position: Position | undefined, signal: AbortSignal): Promise<HandoffEvent> {
    if (position === undefined) return { type: 'verified', partitions: [] };
    const { partitions } = await this.retrying(() => this.plan.transport.verify(position, signal), signal);
    return { type: 'verified', partitions: this.doubts.settle(partitions, this.plan.runtime.now()) };
  }

  private async open(state: HandoffState & { readonly at: 'opening' }, signal: AbortSignal): Promise<HandoffEvent> {
    const { reason, lost, attempt, held } = state;
    if (reason !== undefined && attempt === 0)
      await this.session.send({ type: 'mustRefetch', reason, partitions: lost.map(({ partition }) => partition) });
    this.closeSnapshot();
    if (attempt > 0 && held !== undefined) await this.pause(attempt, signal);
    try {
      const source = await this.retrying(() => this.plan.transport.identify(signal), signal);
      this.snapshot = await this.opened(state, source, signal);
      const { position } = this.snapshot;
      const required = floor(state);
      if (required !== undefined && !coversFloor(position, required)) return await this.below(required);
      return { type: 'opened', snapshot: position };
    } catch (error) {
      return this.broken(error, signal);
    }
  }

  /** A snapshot outlives the state that asked for it, so it has an abort signal of its own. */
  private async opened(state: HandoffState & { readonly at: 'opening' }, transport: Source, signal: AbortSignal) {
    const life = new AbortController();
    try {
      const request = { notOlderThan: floor(state), scope: this.plan.scope, signal: life.signal };
      const snapshot = await orAborted(this.plan.snapshot.open(request), signal);
      return { ...this.adopted(snapshot, transport, state.seen.state === 'empty'), life };
    } catch (error) {
      life.abort();
      throw error;
    }
  }

  /** The snapshot's position as one of this transport's: the same log (I7), and the topics that are followed. */
  private adopted(snapshot: Snapshot, transport: Source, neverSynchronised: boolean): Snapshot {
    const { name, scope } = this.plan;
    if (snapshot.scope !== scope)
      throw new SnapshotRejected(
        `pipeline "${name}" asked for scope ${scope ?? '(everything)'}, the snapshot has ${snapshot.scope ?? '(everything)'}`,
        false,
      );
    const { source, offsets } = snapshot.position;
    const topics = Object.values<string>(this.plan.transport.topics);
    const followed = offsets.filter(({ topic }) => topics.includes(topic));
    if (source.kind === untold) {
      if (transport.order !== offsets.order)
        throw new SourceMismatch(
          `the snapshot of pipeline "${name}" has ${offsets.order} offsets, ${showSource(transport)} ${transport.order} ones`,
        );
      if (!neverSynchronised)
        throw new SourceMismatch(
          `the snapshot of pipeline "${name}" doesn't tell which log its offsets are of; that is accepted at the first bootstrap only`,
        );
      return { ...snapshot, position: { source: transport, offsets: followed } };
    }
    const mismatch = `the snapshot of pipeline "${name}" is positioned in ${showSource(source)}, the transport reads ${showSource(transport)}`;
    if (compareSources(source, { ...transport, epochs: {} }, '') === 'different')
      throw new SourceMismatch(`${mismatch}; point both at the same log`);
    const stale = topics.find((topic) => compareSources(source, transport, topic) === 'different');
    if (stale !== undefined)
      throw new SnapshotRejected(`${mismatch}, whose topic ${stale} has another epoch; one of them is behind`, true);
    const cluster = source.cluster ?? transport.cluster;
    const epochs = Object.fromEntries([...Object.entries(transport.epochs), ...Object.entries(source.epochs)]);
    return { ...snapshot, position: { source: { ...source, cluster, epochs }, offsets: followed } };
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
      this.beat(bootstrap);
      return { type: 'taken', term: bootstrap.term };
    } catch (error) {
      if (error instanceof TakeLost) return { type: 'takeLost' };
      return isRetryable(error) ? this.takeUnknown(error) : { type: 'failed', error };
    }
  }

  /** Whether the term was taken isn't known: if it was, its heartbeat stands still and it is taken over. */
  private takeUnknown(error: unknown): HandoffEvent {
    void this.session.send({ type: 'trouble', error: asError(error) });
    return { type: 'takeLost' };
  }

  /** Raises the heartbeat until the bootstrap ends, also while A keeps us waiting. */
  private beat(bootstrap: Bootstrap<Change>): void {
    this.beating?.abort();
    const beating = new AbortController();
    this.beating = beating;
    const { runtime, times } = this.plan;
    const loop = async () => {
      for (;;) {
        await runtime.sleep(times.beatMs, beating.signal);
        await bootstrap.beat().catch((error: unknown) => {
          if (beating.signal.aborted) return;
          if (error instanceof FencedOut) {
            beating.abort();
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
    try {
      await bootstrap.discard();
      this.stagedRows = 0;
      await this.session.send({ type: 'snapshotStart', position: snapshot.position });
      for (;;) {
        const result = await orAborted(chunks.next(), signal);
        if (result.done === true) break;
        const chunk = result.value;
        const messages = this.steps.rows(chunk.topic, chunk.rows);
        await bootstrap.stage(messages, chunk.token);
        this.stagedRows += chunk.rows.length;
        if (messages.length > 0) await this.session.rows(messages);
      }
      return { type: 'staged' };
    } catch (error) {
      return await this.broken(error, signal);
    } finally {
      if (signal.aborted) this.closeSnapshot();
      // not awaited: a source that hangs mustn't hold us
      chunks.return?.().catch(() => undefined);
    }
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
    this.beating?.abort();
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
    this.closeSnapshot();
    await this.session.send({ type: 'trouble', error: tooOld(required) });
    return { type: 'belowFloor' };
  }

  /** What opening or staging threw. */
  private async broken(error: unknown, signal: AbortSignal): Promise<HandoffEvent> {
    signal.throwIfAborted();
    if (error instanceof FencedOut) return { type: 'fenced' };
    this.closeSnapshot();
    if (!isRetryable(error)) return { type: 'failed', error };
    await this.session.send({ type: 'trouble', error: asError(error) });
    return { type: 'broken', error };
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
