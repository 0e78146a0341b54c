import { BehaviorSubject, distinctUntilChanged, filter, firstValueFrom, Observable, type Subscriber } from 'rxjs';
import { orAborted } from './abort';
import { Asides } from './asides';
import { Brake } from './brake';
import { type KeptLetter } from './dead-letter';
import { DeadlineExceeded, PipelineEnded } from './errors';
import { type Health, type Lag } from './lag';
import { type Plan } from './plan';
import { type Position } from './position';
import { Pulls } from './pulls';
import { type Refreshed, type RefreshOptions } from './refresh';
import { type ReplayOptions } from './replay';
import { Session } from './session';
import { type Terminal } from './terminal';
import { type Status } from './status';
import { type SyncEvent } from './sync-event';
import { type Wait, within } from './wait';
import { coveredBy } from './wait-for';

/**
 * A synchronisation with its terminal: the handle, an Observable and an AsyncIterable of what happens. Nothing runs before the
 * first `run`, `subscribe` or iteration; all of them join one run, which ends when the last one leaves. Subscribers only
 * listen; an iteration holds the pipeline back while it isn't asking for the next event.
 */
export interface Pipeline<out M> extends Observable<SyncEvent<M>>, AsyncIterable<SyncEvent<M>>, AsyncDisposable {
  readonly name: string;
  /** The present status, then each new one. */
  readonly status$: Observable<Status>;
  /**
   * Resolves when the pipeline was stopped, or `signal` aborted, and everything is released; rejects with what failed. A signal ends
   * this participation only: while somebody else subscribes or iterates the run goes on, and `stop` is what ends it for all.
   */
  run(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** As stored in the replica; `undefined` before the first snapshot is in. */
  position(): Promise<Position | undefined>;
  /** Resolves once all partitions read here are at the head of the log. Rejects with `PipelineEnded` when the run ends before. */
  caughtUp(wait?: Wait): Promise<void>;
  /**
   * Resolves once the replica covers this position: read your own writes, with the position that A's answer carried (`fromToken`
   * of a header). It asks the store, so it also sees what other instances apply. Rejects with `SourceMismatch` when the
   * position is of another log or of an earlier life of the topic, `InvalidConfiguration` for a topic that isn't followed,
   * `PipelineEnded` when this pipeline fails or is stopped.
   */
  waitFor(position: Position, wait?: Wait): Promise<void>;
  /**
   * Withholds the stream: nothing more is applied, and so nothing read; no bootstrap begins, though one that is under way comes
   * to its end. Resolves when what was in flight has settled. Lasts over this handle's runs, until `resume`.
   *
   * `persist`: stored with the replica instead, so it also holds for processes started later, and for the other instances of a
   * shared replica within `times.watchMs`. Rejects with `InvalidConfiguration` where it can't be kept: a replica of this
   * process, a position store.
   */
  pause(options?: Persist): Promise<void>;
  /** Ends this handle's pause; with `persist` the stored one too, which lasts otherwise, whoever resumes. */
  resume(options?: Persist): Promise<void>;
  /** The dead letters that the replica (or the position store) keeps, the oldest first; at most `limit`, default 100. */
  deadLetters(options?: { readonly limit?: number | undefined }): Promise<readonly KeptLetter[]>;
  /**
   * Takes a dead letter through the pipeline's present decoders and steps; its changes and its removal are one transaction, and
   * the position stays (I2, I5). With `deliverTo` the handler comes first and the removal after: at-least-once. Resolves with
   * false if `decide` said no.
   *
   * Rejects with what is still wrong with it (`DecodeFailed`, `TranslateFailed`, `HandlerFailed`), and the letter stays; with
   * `InvalidConfiguration` where there is neither a `version` nor `decide`; `DeadLetterGone`; `Unavailable` while the replica is
   * bootstrapped.
   */
  replay(id: string, options?: ReplayOptions<M>): Promise<boolean>;
  /** Removes a dead letter without an effect. Rejects with `DeadLetterGone`, and `Unavailable` while the replica is bootstrapped. */
  discard(id: string): Promise<void>;
  /**
   * Asks A again for a part of its state and merges it: newer versions win, the position stays (I8). Rows and tombstones go
   * through decoders and steps; rows that A has no more go only by its tombstones. The stream goes on meanwhile. A snapshot that
   * is cut off, or too old to be merged, is asked for again, up to `snapshotAttempts` times in all, with pauses; then it
   * rejects with the last error. `InvalidConfiguration`: the replica has no `version`, as with `deliverTo`.
   *
   * Told as `amended` events; an iteration holds it back, so don't await it inside one.
   */
  refresh(options: RefreshOptions): Promise<Refreshed>;
  /** How far behind it is, as the transport last told; no partitions while nothing runs. */
  lag(): Lag;
  /** For liveness and readiness probes. */
  health(): Health;
  /** Why it started where it did, partition by partition, and what it is doing now. For people. */
  explain(): string;
  /**
   * Ends the pipeline for good: stops pulling, lets the transactions in flight settle, releases everything (I10). Rejects with
   * `DeadlineExceeded` after `deadlineMs` (default 10,000), having let go of whatever hangs.
   */
  stop(options?: { readonly deadlineMs?: number | undefined }): Promise<void>;
}

/** Whether a pause is this handle's, or the replica's. */
export interface Persist {
  readonly persist?: boolean | undefined;
}

/** For terminals. */
export const createPipeline = <M, Change = M>(plan: Plan, terminal: Terminal<Change, M>): Pipeline<M> =>
  new PipelineHandle(plan, terminal);

/** Somebody who takes part in the run. */
interface Participant {
  readonly end: (end: { readonly error?: unknown }) => void;
}

class PipelineHandle<M, Change> extends Observable<SyncEvent<M>> implements Pipeline<M> {
  readonly name: string;
  readonly status$: Observable<Status>;
  private readonly status = new BehaviorSubject<Status>('idle');
  private readonly participants = new Set<Participant>();
  private readonly listeners = new Set<Subscriber<SyncEvent<M>>>();
  private readonly pulls = new Set<Pulls<SyncEvent<M>>>();
  private current: { readonly session: Session<Change, M>; readonly ended: Promise<void> } | undefined;
  private readonly asides: Asides<M, Change>;
  private readonly brake = new Brake();
  private stopped = false;
  /** Resolved at each commit. */
  private committed = signalOnce();

  constructor(
    private readonly plan: Plan,
    private readonly terminal: Terminal<Change, M>,
  ) {
    super((subscriber) => {
      const participant: Participant = {
        end: (end) => {
          if ('error' in end) subscriber.error(end.error);
          else subscriber.complete();
        },
      };
      this.listeners.add(subscriber);
      this.join(participant);
      return () => {
        this.listeners.delete(subscriber);
        void this.leave(participant);
      };
    });
    this.name = plan.name;
    this.status$ = this.status.pipe(distinctUntilChanged());
    this.asides = new Asides(plan, terminal, (event) =>
      this.current === undefined ? this.emit(event) : this.current.session.tell(event),
    );
  }

  async run({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (signal?.aborted) return;
    let participant: Participant | undefined;
    const ended = new Promise<void>((resolve, reject) => {
      participant = {
        end: (end) => {
          if ('error' in end) reject(end.error);
          else resolve();
        },
      };
      this.join(participant);
    });
    try {
      await (signal === undefined ? ended : orAborted(ended, signal));
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
    if (participant !== undefined) await this.leave(participant);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<SyncEvent<M>> {
    const pulls = new Pulls<SyncEvent<M>>(() => {
      this.pulls.delete(pulls);
      void this.leave(pulls);
    });
    this.pulls.add(pulls);
    this.join(pulls);
    return pulls;
  }

  async position(): Promise<Position | undefined> {
    const stored = await this.terminal.replica.load();
    return 'position' in stored ? stored.position : undefined;
  }

  async caughtUp(wait: Wait = {}): Promise<void> {
    const settled = this.status.pipe(filter((s) => s === 'live' || s === 'failed' || s === 'stopped'));
    const what = `pipeline "${this.name}" catching up`;
    const status = await within(firstValueFrom(settled), wait, this.plan.runtime, what);
    if (status !== 'live') throw new PipelineEnded(`pipeline "${this.name}" ${status} before it had caught up`);
  }

  async waitFor(position: Position, wait: Wait = {}): Promise<void> {
    const { runtime, times } = this.plan;
    const over = new AbortController();
    const ended = this.status.subscribe((status) => {
      if (status === 'failed' || status === 'stopped')
        over.abort(new PipelineEnded(`pipeline "${this.name}" ${status} before it covered the position`));
    });
    let tick: Promise<void> | undefined; // one timer, however many commits come before it
    const changed = () => {
      tick ??= runtime.sleep(times.watchMs, over.signal).finally(() => (tick = undefined));
      return Promise.race([this.committed.done, tick]);
    };
    const what = `pipeline "${this.name}" reaching the position`;
    try {
      const covered = coveredBy(this.terminal.replica, this.plan, position, changed, over.signal);
      await within(covered, wait, runtime, what);
    } finally {
      ended.unsubscribe();
      over.abort();
    }
  }

  async pause({ persist = false }: Persist = {}): Promise<void> {
    if (persist) await this.storePause(true);
    else this.brake.pull(true);
    await this.braked();
  }

  async resume({ persist = false }: Persist = {}): Promise<void> {
    if (persist) await this.storePause(false);
    this.brake.pull(false);
    await this.braked();
  }

  deadLetters({ limit = 100 }: { readonly limit?: number | undefined } = {}): Promise<readonly KeptLetter[]> {
    return this.asides.deadLetters(limit);
  }

  replay(id: string, options: ReplayOptions<M> = {}): Promise<boolean> {
    return this.asides.replay(id, options);
  }

  discard(id: string): Promise<void> {
    return this.asides.discard(id);
  }

  refresh(options: RefreshOptions): Promise<Refreshed> {
    return this.asides.refresh(options);
  }

  lag(): Lag {
    return this.current?.session.lag ?? { partitions: [], records: undefined };
  }

  health(): Health {
    const status = this.status.value;
    return this.current?.session.health() ?? { live: status !== 'failed', ready: false, why: status };
  }

  explain(): string {
    return `pipeline "${this.name}", ${this.status.value}\n${this.current?.session.explain() ?? 'nothing runs'}`;
  }

  async stop({ deadlineMs = 10_000 }: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    this.stopped = true;
    const { session, ended } = this.current ?? {};
    session?.stop();
    for (const pulls of this.pulls) pulls.release();
    if (session === undefined) this.status.next('stopped');
    const what = `stopping pipeline "${this.name}"`;
    const all = Promise.all([ended, this.asides.end()]).then(() => undefined);
    await within(all, { timeoutMs: deadlineMs }, this.plan.runtime, what).catch((error: unknown) => {
      if (error instanceof DeadlineExceeded) session?.abandon(error);
      throw error;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private join(participant: Participant): void {
    if (this.stopped) {
      participant.end({
        error: new PipelineEnded(`pipeline "${this.name}" was stopped; make a new one to run it again`),
      });
      return;
    }
    this.participants.add(participant);
    if (this.current === undefined) this.start();
  }

  private async storePause(paused: boolean): Promise<void> {
    await this.terminal.replica.pause(this.name, paused);
    this.brake.stores(paused);
  }

  private async braked(): Promise<void> {
    if (this.current !== undefined) await this.current.session.braked();
    else if (!this.stopped) this.status.next(this.brake.on ? 'paused' : 'idle');
  }

  /** Ends the run when nobody takes part in it any more, and waits for that. */
  private async leave(participant: Participant): Promise<void> {
    if (!this.participants.delete(participant) || this.participants.size > 0) return;
    const { current } = this;
    current?.session.stop();
    await current?.ended;
  }

  private start(): void {
    let session: Session<Change, M>;
    try {
      session = new Session(
        this.plan,
        this.terminal,
        this.emit,
        (status) => {
          // how a run ends is told by `finish`
          if (status !== 'failed' && status !== 'stopped' && status !== this.status.value) this.status.next(status);
        },
        this.brake,
      );
    } catch (error) {
      this.finish({ error });
      return;
    }
    if (this.brake.on) void session.braked();
    const ended = session.run().then(
      () => {
        this.current = undefined;
        // who joined while the last run was ending gets a run of their own
        if (!this.stopped && this.participants.size > 0) this.start();
        else this.finish({});
      },
      (error: unknown) => {
        this.current = undefined;
        this.finish({ error });
      },
    );
    this.current = { session, ended };
  }

  private readonly emit = (event: SyncEvent<M>): Promise<void> | undefined => {
    if (event.type === 'updates' || event.type === 'progress' || event.type === 'snapshotEnd') {
      this.committed.resolve();
      this.committed = signalOnce();
    }
    for (const listener of this.listeners) listener.next(event);
    if (this.pulls.size === 0) return undefined;
    const held = [...this.pulls].flatMap((pulls) => pulls.push(event) ?? []);
    return held.length === 0 ? undefined : Promise.all(held).then(() => undefined);
  };

  private finish(end: { readonly error?: unknown }): void {
    this.status.next('error' in end ? 'failed' : this.stopped ? 'stopped' : 'idle');
    const left = [...this.participants];
    this.participants.clear();
    this.pulls.clear();
    for (const participant of left) participant.end(end);
  }
}

function signalOnce(): { readonly done: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const done = new Promise<void>((settle) => (resolve = settle));
  return { done, resolve };
}
