import { setMaxListeners } from 'node:events';
import { Account } from './account';
import { Applier } from './applier';
import { Bootstrapper } from './bootstrapper';
import { Brake } from './brake';
import { Census } from './census';
import { type Cursor, Cursors } from './cursors';
import { Doubts } from './doubts';
import { type DeadLetter } from './dead-letter';
import { EffectStuck, InvalidConfiguration, type SyncError, TransportFault } from './errors';
import {
  floor,
  type HandoffEvent,
  type HandoffOptions,
  type HandoffState,
  initialHandoff,
  isDegraded,
  next,
  servingTerm,
} from './handoff';
import { budgetSpent, degraded, tooOld } from './handoff-errors';
import { Headroom } from './headroom';
import { Heads } from './heads';
import { type Health, type Lag } from './lag';
import { type Emit, Outbox } from './outbox';
import { type Partition, showPartition } from './partition';
import { inPieces } from './pieces';
import { type Plan, Steps } from './plan';
import { type Position } from './position';
import { type Batch, type Replica, type Stored } from './replica';
import { type LogRecord } from './record';
import { retrying } from './retry';
import { type Status, statusOf } from './status';
import { type SyncEvent } from './sync-event';
import { type Delivery, type TransportEvent } from './transport';

/** What becomes of a record that can't be decoded or translated. */
export type Poison = 'fail' | 'skip' | 'deadLetter';

/** What a terminal adds to a plan: `Change` is what its replica takes, `M` what the pipeline tells. */
export interface Terminal<Change, M = Change> {
  readonly replica: Replica<Change>;
  readonly onPoison: Poison;
  /** Partitions don't wait for each other's effects. */
  readonly independent?: boolean | undefined;
  /** The change of a message and its record (`undefined`: a row); the message itself unless given. */
  readonly wrap?: ((message: unknown, record: LogRecord | undefined) => Change) | undefined;
  readonly unwrap: (changes: readonly Change[]) => readonly M[];
  readonly connect?: ((hooks: SessionHooks) => void) | undefined;
}

/** What a session lends to its terminal. */
export interface SessionHooks {
  /** Nothing new should begin. */
  readonly stopping: AbortSignal;
  /** Nobody waits any more. */
  readonly ended: AbortSignal;
  /** A record whose effect failed for good. */
  poison(partition: Partition, letter: DeadLetter): void;
}

/**
 * One run of a pipeline. Four things go on at once: the handoff (what is to be done next), the reading (one `next()` always
 * pending), the applying (one transaction at a time) and the watch over the replica's term. They meet in `dispatch`.
 */
export class Session<Change, M = Change> {
  private state: HandoffState = initialHandoff;
  /** Ends what the handoff is doing in its present state. */
  private interrupt = new AbortController();
  private readonly stopping = new AbortController();
  private readonly ended = new AbortController();
  private readonly options: HandoffOptions;
  private readonly outbox: Outbox<M>;
  private readonly steps: Steps<Change>;
  private readonly cursors: Cursors;
  private readonly doubts: Doubts;
  private readonly heads = new Heads();
  private readonly headroom: Headroom;
  private readonly census: Census;
  private readonly account = new Account();
  private readonly applier: Applier<Change>;
  private readonly bootstrapper: Bootstrapper<Change>;
  private readonly pieceSize: number;
  private toldCaughtUp = false;
  private everCaughtUp = false;
  private toldStuck: readonly Batch<Change>[] = [];
  private served: (() => void)[] = [];

  constructor(
    private readonly plan: Plan,
    private readonly terminal: Terminal<Change, M>,
    emit: Emit<M>,
    private readonly onStatus: (status: Status) => void,
    private readonly brake = new Brake(),
  ) {
    const { runtime, times, transport, name } = plan;
    if (transport.reads === 'share' && !terminal.replica.shared)
      throw new InvalidConfiguration(
        `pipeline "${name}": the transport shares partitions among instances, so a replica in one process would be partial; use a shared replica, or a transport without a group`,
      );
    setMaxListeners(0, this.ended.signal, this.stopping.signal); // one for each partition that waits
    this.options = { ...plan, pipeline: name, takeoverMs: times.takeoverMs };
    this.pieceSize = terminal.replica.shared ? Infinity : pieceInProcess;
    this.outbox = new Outbox(emit);
    this.steps = new Steps(plan, terminal.wrap);
    this.doubts = new Doubts(times.aheadMs);
    this.cursors = new Cursors(runtime, this.ended.signal);
    this.applier = new Applier(terminal.replica, {
      runtime,
      retryMs: times.retryMs,
      signal: this.ended.signal,
      fenced: (term) => {
        this.fenced(term);
      },
      trouble: (error) => {
        this.trouble(error);
      },
      independent: terminal.independent ?? false,
    });
    terminal.connect?.({
      stopping: this.stopping.signal,
      ended: this.ended.signal,
      poison: (partition, letter) => {
        this.tellPoison(partition, letter);
      },
    });
    this.headroom = new Headroom(plan, this.cursors, this.heads, {
      signal: this.ended.signal,
      position: async () => {
        const stored = await this.load();
        return stored.state === 'ready' ? stored.position : undefined;
      },
      send: (event) => void this.outbox.send(event),
    });
    this.census = new Census(plan, terminal.replica, {
      signal: this.ended.signal,
      trouble: (error) => void this.outbox.send({ type: 'trouble', error }),
    });
    this.bootstrapper = new Bootstrapper(plan, terminal.replica, this.steps, this.doubts, {
      send: (event) => {
        if (event.type === 'trouble') this.account.trouble(event.error);
        return this.outbox.send(event);
      },
      rows: (changes) => this.outbox.send({ type: 'snapshotRows', messages: terminal.unwrap(changes) }),
      fenced: () => {
        this.dispatch({ type: 'fenced' });
      },
    });
  }

  /** Resolves when stopped, rejects with what failed. Everything is released either way. */
  async run(): Promise<void> {
    const applying = this.guarded(this.applier.run());
    const others = [this.read(), this.watch(), this.headroom.run()].map((part) => this.guarded(part));
    await this.handoff();
    this.applier.close();
    await applying;
    this.end();
    await Promise.all(others);
    if (this.state.at === 'failed') throw this.state.error;
  }

  /** I10: stops pulling, lets the transaction in flight settle, gives back a term that is held; then `run` resolves. */
  stop(): void {
    this.stopping.abort();
    this.dispatch({ type: 'stop' });
  }

  /**
   * The brake was pulled or released. While it is on acknowledgements are withheld, so that the transport pauses, and no
   * bootstrap begins; what is in flight settles.
   */
  async braked(): Promise<void> {
    this.applier.pause(this.brake.on);
    this.tellProgress();
    await this.applier.settled();
  }

  /** Tells what happened beside the stream, in its turn. */
  tell(event: SyncEvent<M>): Promise<void> | undefined {
    return this.outbox.send(event);
  }

  get lag(): Lag {
    return this.headroom.lag;
  }

  health(): Health {
    const [stuck] = this.applier.stuck(this.plan.times.stuckMs);
    const ready = this.everCaughtUp && this.state.at !== 'failed' && this.state.at !== 'stopped';
    const standing = isDegraded(this.state) ? degraded(this.state) : this.state.at;
    const why = stuck === undefined ? standing : stuckText(stuck);
    return { live: this.state.at !== 'failed' && stuck === undefined, ready, why };
  }

  explain(): string {
    return this.account.tell(this.state);
  }

  /** Lets go of everything at once, whatever hangs. */
  abandon(error: SyncError): void {
    this.dispatch({ type: 'failed', error });
    this.interrupt.abort();
    this.end();
  }

  private end(): void {
    this.stopping.abort();
    this.ended.abort();
    this.bootstrapper.release();
    for (const wake of this.served.splice(0)) wake();
  }

  private guarded(part: Promise<void>): Promise<void> {
    return part.catch((error: unknown) => {
      if (!this.ended.signal.aborted) this.dispatch({ type: 'failed', error });
    });
  }

  // ── the handoff ────────────────────────────────────────────────────────────

  private async handoff(): Promise<void> {
    while (this.state.at !== 'failed' && this.state.at !== 'stopped') {
      const interrupt = new AbortController();
      this.interrupt = interrupt;
      const answer = await this.act(this.state, interrupt.signal).catch((error: unknown): HandoffEvent => ({
        type: 'failed',
        error,
      }));
      if (!interrupt.signal.aborted) this.dispatch(answer);
    }
  }

  /** Nothing is taken over while the brake is on; who holds the term goes on. */
  private async act(state: HandoffState, signal: AbortSignal): Promise<HandoffEvent> {
    const { brake } = this;
    if (state.at === 'opening' && state.held === undefined) {
      await brake.released(signal);
      signal.throwIfAborted();
    }
    if (state.at === 'taking' && brake.on) {
      this.bootstrapper.release();
      return { type: 'takeLost' };
    }
    const { moment } = brake;
    const answer = await this.bootstrapper.act(this.state, signal); // more may be lost by now
    if (answer.type === 'loaded') this.heed(answer.stored, moment);
    return answer;
  }

  /** The pause that is stored with the replica: other instances, and earlier ones, have a say. */
  private heed({ paused = false }: Stored, moment: number): void {
    if (this.brake.heed(paused, moment)) void this.braked();
  }

  private dispatch(event: HandoffEvent): void {
    const before = this.state;
    this.state = next(before, event, this.options);
    this.account.note(event, this.state);
    if (event.type === 'verified') this.headroom.learn(event.partitions);
    if (this.state === before) return;
    if (this.state.spent > before.spent)
      this.trouble(budgetSpent(this.plan.snapshotAttempts, this.state, causeOf(event, before)));
    if (this.state.at !== before.at || event.type === 'fenced') this.interrupt.abort();
    const term = servingTerm(this.state);
    if (term !== undefined && (term !== servingTerm(before) || this.state.at === 'following')) {
      for (const partition of this.cursors.serve(term)) this.heads.tell(partition, false);
      for (const wake of this.served.splice(0)) wake();
    }
    this.tellProgress();
  }

  /** The replica has left this term, if it is still the one that is served. */
  private fenced(term: number): void {
    if (servingTerm(this.state) === term) this.dispatch({ type: 'fenced' });
  }

  // ── the reading ────────────────────────────────────────────────────────────

  private async read(): Promise<void> {
    const { transport, name } = this.plan;
    for await (const event of transport.read((assigned) => this.start(assigned), this.ended.signal)) this.take(event);
    if (!this.ended.signal.aborted)
      throw new TransportFault(`pipeline "${name}": the ${transport.kind} transport ended by itself`);
  }

  /** Answers once a term is served, with the whole position that is stored then. */
  private async start(assigned: readonly Partition[]): Promise<Position> {
    for (;;) {
      const term = await this.serving();
      const stored = await this.load();
      if (stored.state === 'ready' && stored.term === term && servingTerm(this.state) === term) {
        this.cursors.started(assigned, term, stored.position, this.census.under(term));
        if (stored.sequence !== undefined) this.census.begin();
        for (const partition of assigned)
          this.account.start(partition, stored.position.offsets.through(partition), term);
        return stored.position;
      }
      this.fenced(term);
    }
  }

  private async serving(): Promise<number> {
    for (;;) {
      this.ended.signal.throwIfAborted();
      const term = servingTerm(this.state);
      if (term !== undefined) return term;
      await new Promise<void>((wake) => this.served.push(wake));
    }
  }

  private take(event: TransportEvent): void {
    switch (event.type) {
      case 'delivery':
        this.deliver(event);
        return;
      case 'assigned':
        this.heads.assign(event.partitions);
        void this.outbox.send(event);
        break;
      case 'revoked':
        this.heads.revoke(event.partitions);
        this.cursors.revoked(event.partitions);
        this.account.revoked(event.partitions);
        void this.outbox.send(event);
        break;
      case 'lost':
        this.lose(event);
        break;
      case 'trouble':
        this.trouble(event.error);
    }
    this.tellProgress();
  }

  private lose(event: TransportEvent & { readonly type: 'lost' }): void {
    const { partition, reason } = event;
    const cursor = this.known(event);
    if (cursor === undefined) return;
    this.heads.tell(partition, false);
    cursor.idle = true;
    if (reason === 'ahead' && !this.doubts.ahead(partition, this.plan.runtime.now())) {
      this.cursors.restartLater(cursor, Math.min(1_000, this.plan.times.aheadMs / 5));
      return;
    }
    void this.outbox.send({ type: 'lost', partition, reason });
    this.dispatch({ type: 'lost', lost: { partition, reason } });
  }

  /** The cursor that this event is from, if it was started under the term that is served; others are restarted. */
  private known(event: { readonly partition: Partition; restart(): void }): Cursor | undefined {
    const cursor = this.cursors.get(event.partition);
    if (cursor === undefined)
      throw new TransportFault(
        `${this.plan.transport.kind} delivered ${showPartition(event.partition)}, which wasn't started`,
      );
    cursor.restart = () => {
      event.restart();
    };
    const term = servingTerm(this.state);
    if (cursor.term === term) return cursor;
    this.heads.tell(event.partition, false);
    if (term !== undefined) this.cursors.restart(cursor);
    return undefined;
  }

  private deliver(delivery: Delivery): void {
    const { partition, after } = delivery;
    const cursor = this.known(delivery);
    if (cursor === undefined) return;
    if (cursor.at !== after)
      throw new TransportFault(
        `${this.plan.transport.kind} delivered ${showPartition(partition)} after ${after}, the last delivery ended at ${cursor.at}`,
      );
    const { head, news } = cursor.heard(delivery, this.census.under(cursor.term));
    this.doubts.dispel(partition);
    if (!news) {
      delivery.ack();
      return;
    }
    inPieces(delivery, this.pieceSize, (piece, isLast) => {
      this.apply(piece, cursor, isLast ? head : undefined);
    });
  }

  private apply(delivery: Delivery, cursor: Cursor, head: number | undefined): void {
    const { topic, partition, after, through, records } = delivery;
    cursor.waits(delivery);
    const rejected: DeadLetter[] = [];
    const changes = this.steps.records(topic, partition, records, (record, error) => {
      if (this.terminal.onPoison === 'fail') throw error;
      rejected.push({ record, error });
    });
    this.applier.add({
      term: cursor.term,
      partition,
      after,
      through,
      changes,
      head,
      rejected: this.terminal.onPoison === 'deadLetter' ? rejected : [],
      settled: () => {
        cursor.settled(delivery);
        return this.settled(delivery, changes, rejected);
      },
      fenced: () => {
        cursor.idle = true; // restarted when a term is served again, be it the same
      },
      moved: () => {
        this.heads.tell(partition, false);
        this.cursors.restartLater(cursor, 100);
      },
    });
  }

  /** Told first, acknowledged after: whoever listens holds the transport back. */
  private settled(
    delivery: Delivery,
    changes: readonly Change[],
    rejected: readonly DeadLetter[],
  ): Promise<void> | undefined {
    const { partition, atHead, lag } = delivery;
    const { through } = delivery.through;
    for (const letter of rejected) this.tellPoison(partition, letter);
    const told = this.outbox.send(
      changes.length > 0
        ? { type: 'updates', partition, through, messages: this.terminal.unwrap(changes) }
        : { type: 'progress', partition, through },
    );
    this.heads.tell(partition, atHead, lag);
    this.tellProgress();
    if (told === undefined) delivery.ack();
    else
      return told.then(() => {
        delivery.ack();
      });
    return undefined;
  }

  // ── what is told ───────────────────────────────────────────────────────────

  private trouble(error: Error): void {
    this.account.trouble(error);
    void this.outbox.send({ type: 'trouble', error });
  }

  private tellPoison(partition: Partition, { record, error }: DeadLetter): void {
    const outcome = this.terminal.onPoison === 'deadLetter' ? 'deadLettered' : 'skipped';
    void this.outbox.send({ type: 'poison', partition, offset: record.offset, outcome, error });
  }

  private tellProgress(): void {
    const caughtUp = this.heads.caughtUp && this.state.at === 'following';
    const over = this.state.at === 'failed' || this.state.at === 'stopped';
    if (caughtUp !== this.toldCaughtUp && !over) {
      this.toldCaughtUp = caughtUp;
      this.everCaughtUp ||= caughtUp;
      void this.outbox.send({ type: caughtUp ? 'caughtUp' : 'fellBehind' });
      if (caughtUp) this.dispatch({ type: 'caughtUp' });
    }
    const status = this.brake.on && !over ? 'paused' : statusOf(this.state, caughtUp);
    if (status !== undefined) this.onStatus(status);
  }

  // ── the watch ──────────────────────────────────────────────────────────────

  /** Somebody else may bootstrap while this instance has nothing to apply; an effect may hang. */
  private async watch(): Promise<void> {
    const { runtime, times } = this.plan;
    for (;;) {
      await runtime.sleep(times.watchMs, this.ended.signal);
      this.tellStuck();
      if (!this.terminal.replica.shared) continue;
      const term = servingTerm(this.state);
      const stored = await this.load();
      if (term !== undefined && (stored.state !== 'ready' || stored.term !== term)) this.fenced(term);
    }
  }

  private tellStuck(): void {
    const stuck = this.applier.stuck(this.plan.times.stuckMs);
    const [news] = stuck.filter((batch) => !this.toldStuck.includes(batch));
    this.toldStuck = stuck;
    if (news !== undefined) this.trouble(new EffectStuck(`pipeline "${this.plan.name}": ${stuckText(news)}`));
  }

  private async load(): Promise<Stored> {
    const { runtime, times } = this.plan;
    const { moment } = this.brake;
    const stored = await retrying(() => this.terminal.replica.load(), {
      runtime,
      signal: this.ended.signal,
      backoff: { baseMs: times.retryMs / 50, maxMs: times.retryMs },
      onTrouble: (error) => void this.outbox.send({ type: 'trouble', error }),
    });
    this.heed(stored, moment);
    return stored;
  }
}

/** Records that are decoded together for a replica in this process. */
const pieceInProcess = 256;

/** Why the last snapshot of a budget wasn't taken over. */
const causeOf = (event: HandoffEvent, before: HandoffState): unknown =>
  event.type === 'broken' ? event.error : tooOld(floor(before));

const stuckText = <Change>({ partition, after, through }: Batch<Change>): string =>
  `the effect of ${showPartition(partition)} after ${after} through ${through.through} hasn't settled`;
