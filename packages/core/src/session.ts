import { setMaxListeners } from 'node:events';
import { nobodyAsks } from './abort';
import { Account } from './account';
import { Applier } from './applier';
import { Bootstrapper } from './bootstrapper';
import { Brake } from './brake';
import { Census } from './census';
import { Cursors } from './cursors';
import { Doubts } from './doubts';
import { type DeadLetter } from './dead-letter';
import { InvalidConfiguration, type SyncError } from './errors';
import { Follower } from './follower';
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
import { type Partition } from './partition';
import { type Plan, Steps } from './plan';
import { type Stored } from './replica';
import { retrying } from './retry';
import { type Status, statusOf } from './status';
import { type SyncEvent } from './sync-event';
import { type Terminal } from './terminal';
import { Watch } from './watch';

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
  private readonly heads = new Heads();
  private readonly headroom: Headroom;
  private readonly account = new Account();
  private readonly applier: Applier<Change>;
  private readonly bootstrapper: Bootstrapper<Change>;
  private readonly follower: Follower<Change, M>;
  private readonly watch: Watch<Change>;
  private toldCaughtUp = false;
  private everCaughtUp = false;

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
    const { ended } = this;
    const load = () => this.load();
    const trouble = (error: Error): void => {
      this.trouble(error);
    };
    const fenced = (term: number): void => {
      this.fenced(term);
    };
    const poison = (partition: Partition, letter: DeadLetter): void => {
      this.tellPoison(partition, letter);
    };
    this.options = { ...plan, pipeline: name, takeoverMs: times.takeoverMs };
    this.outbox = new Outbox(emit);
    const steps = new Steps(plan, terminal.wrap);
    const doubts = new Doubts(times.aheadMs);
    const cursors = new Cursors(runtime, ended.signal);
    this.applier = new Applier(terminal.replica, {
      runtime,
      retryMs: times.retryMs,
      signal: ended.signal,
      fenced,
      trouble,
      independent: terminal.independent ?? false,
    });
    terminal.connect?.({ stopping: this.stopping.signal, ended: ended.signal, poison });
    this.headroom = new Headroom(plan, cursors, this.heads, {
      signal: ended.signal,
      position: async () => {
        const stored = await this.load();
        return stored.state === 'ready' ? stored.position : undefined;
      },
      send: (event) => void this.outbox.send(event),
    });
    const census = new Census(plan, terminal.replica, {
      signal: ended.signal,
      trouble: (error) => void this.outbox.send({ type: 'trouble', error }),
    });
    this.follower = new Follower({
      plan,
      terminal,
      steps,
      applier: this.applier,
      cursors,
      heads: this.heads,
      doubts,
      census,
      account: this.account,
      outbox: this.outbox,
      ended: ended.signal,
      serving: () => servingTerm(this.state),
      load,
      fenced,
      lost: (lost) => {
        this.dispatch({ type: 'lost', lost });
      },
      trouble,
      poison,
      progress: () => {
        this.tellProgress();
      },
    });
    this.watch = new Watch(plan, terminal.replica, this.applier, {
      signal: ended.signal,
      serving: () => servingTerm(this.state),
      load,
      fenced,
      stands: (position) => {
        this.follower.compare(position);
      },
      trouble,
    });
    this.bootstrapper = new Bootstrapper(plan, terminal.replica, steps, doubts, {
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
    const others = [this.follower.run(), this.watch.run(), this.headroom.run()].map((part) => this.guarded(part));
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
    const { stuck } = this.watch;
    const ready = this.everCaughtUp && this.state.at !== 'failed' && this.state.at !== 'stopped';
    const standing = isDegraded(this.state) ? degraded(this.state) : this.state.at;
    const why = stuck ?? standing;
    return { live: this.state.at !== 'failed' && stuck === undefined, ready, why };
  }

  explain(): string {
    return this.account.tell(this.state);
  }

  /** Lets go of everything at once, whatever hangs. */
  abandon(error: SyncError): void {
    this.dispatch({ type: 'failed', error });
    this.interrupt.abort(nobodyAsks);
    this.end();
  }

  private end(): void {
    this.stopping.abort();
    this.ended.abort();
    this.bootstrapper.release();
    this.follower.wake();
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
    if (this.state.at !== before.at || event.type === 'fenced') this.interrupt.abort(nobodyAsks);
    const term = servingTerm(this.state);
    if (term !== undefined && (term !== servingTerm(before) || this.state.at === 'following')) {
      this.follower.serve(term);
    }
    this.tellProgress();
  }

  /** The replica has left this term, if it is still the one that is served. */
  private fenced(term: number): void {
    if (servingTerm(this.state) === term) this.dispatch({ type: 'fenced' });
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

/** Why the last snapshot of a budget wasn't taken over. */
const causeOf = (event: HandoffEvent, before: HandoffState): unknown =>
  event.type === 'broken' ? event.error : tooOld(floor(before));
