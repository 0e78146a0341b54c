import { asError, backoffMs, isRetryable } from './retry';
import { Breather } from './breather';
import { FencedOut } from './errors';
import { differs, type Mark } from './partition';
import { type Applied, type Batch, type Replica } from './replica';
import { type Runtime } from './runtime';

/** A batch on its way into the replica. */
export interface Pending<Change> extends Batch<Change> {
  readonly term: number;
  /** Its effect is in the replica, now or already. */
  settled(): Promise<void> | undefined;
  /** Somebody else has written this partition: it stands elsewhere now. */
  moved(): void;
  /** The replica refused its term. */
  fenced(): void;
}

/**
 * Applies what is pending, one transaction at a time; what arrives meanwhile joins the next one (group commit). At most one
 * batch per partition is out, so the queue is bounded by the transport's credit.
 */
export class Applier<Change> {
  private queue: Pending<Change>[] = [];
  private wake: (() => void) | undefined;
  private closing = false;
  private paused = false;
  private readonly breather: Breather;
  private readonly inFlight = new Set<Flight<Change>>();
  private readonly apart = new Set<Promise<void>>();
  private failure: { readonly error: unknown } | undefined;

  constructor(
    private readonly replica: Replica<Change>,
    private readonly context: {
      readonly runtime: Runtime;
      readonly retryMs: number;
      readonly signal: AbortSignal;
      fenced(term: number): void;
      trouble(error: Error): void;
      /** Batches don't wait for each other: each is committed by itself, at once. */
      readonly independent: boolean;
    },
  ) {
    this.breather = new Breather(context.runtime);
  }

  add(batch: Pending<Change>): void {
    this.queue.push(batch);
    this.wake?.();
  }

  /** Lets the transaction in flight settle, starts no other. */
  close(): void {
    this.closing = true;
    this.wake?.();
  }

  /** Begins no transaction until it is woken; what is in flight settles. */
  pause(paused: boolean): void {
    this.paused = paused;
    this.wake?.();
  }

  /** Resolves when nothing is in flight. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.inFlight].map(({ applying }) => applying));
  }

  /** What has been in flight for `ms` and longer, and hasn't settled. */
  stuck(ms: number): readonly Batch<Change>[] {
    const now = this.context.runtime.now();
    return [...this.inFlight].flatMap(({ batches, since }) => (now - since >= ms ? batches : []));
  }

  async run(): Promise<void> {
    while (!this.closing) {
      if (this.paused || this.queue.length === 0) await new Promise<void>((wake) => (this.wake = wake));
      else if (this.context.independent) this.commitApart(this.queue.splice(0));
      else await this.commit(this.takeGroup());
      if (this.failure !== undefined) throw this.failure.error;
      const breath = this.breather.pause();
      if (breath !== undefined) await breath;
    }
    await Promise.all(this.apart);
  }

  private commitApart(batches: readonly Pending<Change>[]): void {
    for (const batch of batches) {
      const committing = this.commit([batch]).catch((error: unknown) => {
        this.failure ??= { error };
        this.wake?.();
      });
      this.apart.add(committing);
      void committing.then(() => this.apart.delete(committing));
    }
  }

  /** Batches of one term, with about ten thousand changes at most. */
  private takeGroup(): Pending<Change>[] {
    const term = this.queue[0]?.term;
    let changes = 0;
    let count = 0;
    for (const batch of this.queue) {
      if (batch.term !== term || (count > 0 && changes + batch.changes.length > groupChanges)) break;
      changes += batch.changes.length;
      count++;
    }
    return this.queue.splice(0, count);
  }

  private async commit(batches: readonly Pending<Change>[]): Promise<void> {
    const answers = await this.applied(batches);
    for (const [i, batch] of batches.entries()) {
      const answer = answers?.[i];
      if (answer === undefined) continue; // fenced, or it ends: said already
      if (answer === 'applied' || isSame(answer.moved, batch.through)) await batch.settled();
      else batch.moved();
    }
  }

  /** Until it is known what became of them. An unknown outcome is asked again: what was committed answers `moved` to its own end. */
  private async applied(batches: readonly Pending<Change>[]): Promise<readonly Applied[] | undefined> {
    const term = batches[0]?.term ?? 0;
    const { runtime, retryMs, signal } = this.context;
    for (let attempt = 1; ; attempt++) {
      const flight = { applying: this.replica.apply(term, batches), since: runtime.now(), batches };
      this.inFlight.add(flight);
      try {
        const answers = await flight.applying;
        this.inFlight.delete(flight);
        return answers;
      } catch (error) {
        this.inFlight.delete(flight);
        if (error instanceof FencedOut) {
          for (const batch of batches) batch.fenced();
          this.context.fenced(term);
          return undefined;
        }
        if (!isRetryable(error)) throw error;
        this.context.trouble(asError(error));
        if (this.closing) return undefined;
        await runtime.sleep(backoffMs({ baseMs: retryMs / 50, maxMs: retryMs }, attempt, runtime.random), signal);
      }
    }
  }
}

/** What the replica is asked to apply just now. */
interface Flight<Change> {
  readonly applying: Promise<unknown>;
  readonly since: number;
  readonly batches: readonly Batch<Change>[];
}

const groupChanges = 10_000;

/** The same record, as far as both can tell: where the log has lost its end, another one may stand at the same offset. */
const isSame = (a: Mark, b: Mark): boolean => a.through === b.through && !differs(a.witness, b.witness);
