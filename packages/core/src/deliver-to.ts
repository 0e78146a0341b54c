import { randomUUID } from 'node:crypto';
import { type DeadLetter, type KeptLetter, type WhichLetters } from './dead-letter';
import { FencedOut, HandlerFailed, InvalidConfiguration, type SyncError, TakeLost } from './errors';
import { coversFloor, floorOf } from './floor';
import { KeyedPool } from './keyed-pool';
import { beginning } from './offset';
import { type Mark, type Partition, showPartition } from './partition';
import { createPipeline, type Pipeline } from './pipeline';
import { type Plan } from './plan';
import { type PositionStore, type Settled } from './position-store';
import { type LogRecord } from './record';
import {
  type Amended,
  type Amendment,
  type Applied,
  type Batch,
  type Bootstrap,
  type Replica,
  type Stored,
} from './replica';
import { backoffMs, isRetryable } from './retry';
import { type Poison, type SessionHooks } from './terminal';
import { planOf, type Sync } from './sync';

/** How often a handler is tried, and how long the pauses are. */
export interface Retry {
  /** Tries in all; default 5. */
  readonly attempts?: number | undefined;
  /** The pauses grow from here, with full jitter; milliseconds, default 100. */
  readonly baseMs?: number | undefined;
  /** The longest pause; milliseconds, default 5,000. */
  readonly maxMs?: number | undefined;
}

export interface DeliverToOptions<M> {
  /** Where the position is kept, after the effects. */
  readonly positions: PositionStore;
  /** Handlers at a time, all partitions together; default 1. */
  readonly concurrency?: number | undefined;
  /** Messages with the same answer are handled one after the other, in order; default: those of one partition. */
  readonly orderBy?: ((message: NoInfer<M>) => string) | undefined;
  readonly retry?: Retry | undefined;
  /** After the last try: end the pipeline (default), leave the record out, or store it with the position. */
  readonly onPoison?: Poison | undefined;
}

export interface HandlerContext {
  /** Aborts when the pipeline stops waiting for the handler: its stop deadline has passed. */
  readonly signal: AbortSignal;
  /** 1 at first. */
  readonly attempt: number;
}

/**
 * The terminal for effects that aren't a replica: calls to another service, mails, files. At-least-once: the position is saved
 * after the effects, so a crash in between repeats them; handlers must bear that. A delivery's position is saved when all its
 * messages are settled, so nothing before it is ever open (the contiguous watermark). The snapshot's rows are handed to the
 * handler too, before the position is set, and again if that is interrupted. A row whose handler fails ends the pipeline,
 * whatever `onPoison` says.
 *
 * With several instances let one of them bootstrap first: two that start at once both deliver the snapshot.
 *
 * @example
 * source.pipe(deliverTo((m, { signal }) => put(m, signal), { positions: sqlitePositions(db, { name: 'mails' }), orderBy: (m) => m.id }))
 */
export function deliverTo<M>(
  handler: (message: M, context: HandlerContext) => Promise<void> | void,
  options: DeliverToOptions<M>,
): (source: Sync<M>) => Pipeline<M> {
  const { concurrency = 1, onPoison = 'fail' } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new InvalidConfiguration(`deliverTo: concurrency is a whole number from 1, not ${concurrency}`);
  return (source) => {
    const plan = planOf(source);
    const replica = new Deliveries(plan, handler, options, onPoison);
    return createPipeline<M, Origin<M>>(plan, {
      replica,
      onPoison,
      independent: true,
      wrap: (message, record) => ({ message: message as M, record }),
      unwrap: (changes) => changes.map(({ message }) => message),
      connect: (hooks) => {
        replica.hooks = hooks;
      },
    });
  };
}

/** A message, and the record that it came from; `undefined`: a row. */
interface Origin<out M> {
  readonly message: M;
  readonly record: LogRecord | undefined;
}

/** A position store and a handler in the form of a replica. The term counts the snapshot ids seen in this process. */
class Deliveries<M> implements Replica<Origin<M>> {
  readonly shared = true;
  hooks: SessionHooks | undefined;
  private readonly pool: KeyedPool;
  private term = 0;
  private snapshotId: string | undefined;
  private bootstrapping = false;

  constructor(
    private readonly plan: Plan,
    private readonly handler: (message: M, context: HandlerContext) => Promise<void> | void,
    private readonly options: DeliverToOptions<M>,
    private readonly onPoison: Poison,
  ) {
    this.pool = new KeyedPool(options.concurrency ?? 1);
  }

  async load(): Promise<Stored> {
    const stored = await this.options.positions.load();
    if (this.bootstrapping)
      return { term: this.term, state: 'bootstrapping', heartbeat: 0, position: stored?.position };
    if (stored === undefined) return { term: this.term, state: 'empty' };
    this.knows(stored.snapshotId);
    return { term: this.term, state: 'ready', position: stored.position };
  }

  async take(seen: Stored): Promise<Bootstrap<Origin<M>>> {
    if (seen.term !== this.term || this.bootstrapping) throw new TakeLost('the position store was reset meanwhile');
    const before = await this.options.positions.load();
    this.bootstrapping = true;
    const id = randomUUID();
    const term = ++this.term;
    return {
      term,
      beat: async () => undefined,
      discard: async () => undefined,
      stage: (rows) => this.handleRows(rows),
      swap: async (position, lost) => {
        const floor = before && floorOf(before.position, lost);
        if (floor !== undefined && !coversFloor(position, floor)) return { belowFloor: floor };
        await this.options.positions.reset(position, id);
        this.snapshotId = id;
        this.bootstrapping = false;
        return 'swapped';
      },
      giveBack: async () => {
        this.bootstrapping = false;
      },
    };
  }

  apply(term: number, batches: readonly Batch<Origin<M>>[]): Promise<readonly Applied[]> {
    return Promise.all(batches.map((batch) => this.deliver(term, batch)));
  }

  /** At-least-once: who is asked at the same time does it too. */
  async amend(term: number, { changes, letter, merging }: Amendment<Origin<M>>): Promise<Amended> {
    if (merging !== undefined) throw this.noRows('merges no rows');
    if (term !== this.term || this.bootstrapping) throw this.fencedOut(term);
    const hooks = this.hooks?.stopping.aborted === false ? this.hooks : idle;
    const key = ({ message }: Origin<M>) => this.options.orderBy?.(message);
    await this.pool.all(changes, key, async ({ message, record }) => {
      const error = await this.handle(message, () => `the record at ${record?.offset ?? 'an unknown offset'}`, hooks);
      if (error !== undefined) throw error;
    });
    return letter === undefined || (await this.options.positions.forget(letter)) ? 'amended' : 'gone';
  }

  letters(which: WhichLetters): Promise<readonly KeptLetter[]> {
    return this.options.positions.letters(which);
  }

  async pause(): Promise<void> {
    throw this.noRows('keeps no pause; pause each of its instances');
  }

  private async deliver(term: number, batch: Batch<Origin<M>>): Promise<Applied> {
    const { snapshotId } = this;
    if (term !== this.term || snapshotId === undefined || this.bootstrapping) throw this.fencedOut(term);
    const given: DeadLetter[] = [];
    const key = ({ message }: Origin<M>) => this.options.orderBy?.(message);
    await this.pool.all(batch.changes, key, async ({ message, record }) => {
      const error = await this.handle(message, () => whereOf(batch.partition, record));
      if (error === undefined) return;
      if (this.onPoison === 'fail' || record === undefined) throw error;
      given.push({ record, error });
    });
    const { partition, after, through } = batch;
    const rejected = this.onPoison === 'deadLetter' ? [...batch.rejected, ...given] : [];
    const moved = await this.save(snapshotId, { partition, after, through, rejected });
    if (moved !== undefined) return { moved };
    for (const letter of given) this.hooks?.poison(partition, letter);
    return 'applied';
  }

  /** Where the partition stands, if somebody else has moved it under the same snapshot. */
  private async save(snapshotId: string, advance: Settled): Promise<Mark | undefined> {
    const { positions } = this.options;
    try {
      await positions.save(snapshotId, [advance]);
      return undefined;
    } catch (error) {
      const stored = error instanceof FencedOut ? await positions.load() : undefined;
      if (stored?.snapshotId !== snapshotId) throw error;
      return stored.position.offsets.get(advance.partition) ?? { through: beginning };
    }
  }

  private async handleRows(rows: readonly Origin<M>[]): Promise<void> {
    const key = ({ message }: Origin<M>) => this.options.orderBy?.(message);
    await this.pool.all(rows, key, async ({ message }) => {
      const error = await this.handle(message, () => 'a row of the snapshot');
      if (error !== undefined) throw error;
    });
  }

  /** The error of the last try, if none succeeded. */
  private async handle(
    message: M,
    where: () => string,
    { ended, stopping }: Pick<SessionHooks, 'ended' | 'stopping'> = this.hooks ?? idle,
  ): Promise<SyncError | undefined> {
    const { attempts = 5, baseMs = 100, maxMs = 5_000 } = this.options.retry ?? {};
    const { runtime } = this.plan;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.handler(message, { signal: ended, attempt });
        return undefined;
      } catch (cause) {
        stopping.throwIfAborted();
        if (attempt >= attempts || !isRetryable(cause))
          return new HandlerFailed(
            `the handler of pipeline "${this.plan.name}" failed ${attempt} time(s) for ${where()} (see cause)`,
            { cause },
          );
        await runtime.sleep(backoffMs({ baseMs, maxMs }, attempt, runtime.random), stopping);
      }
    }
  }

  private fencedOut(term: number): FencedOut {
    return new FencedOut(`term ${term} is over: the positions of pipeline "${this.plan.name}" were reset`);
  }

  private noRows(what: string): InvalidConfiguration {
    return new InvalidConfiguration(`pipeline "${this.plan.name}" delivers to a handler: its position store ${what}`);
  }

  private knows(snapshotId: string): void {
    if (snapshotId === this.snapshotId) return;
    this.snapshotId = snapshotId;
    this.term++;
  }
}

const never = new AbortController().signal;
const idle: Pick<SessionHooks, 'ended' | 'stopping'> = { ended: never, stopping: never };

const whereOf = (partition: Partition, record: LogRecord | undefined): string =>
  `${showPartition(partition)}${record === undefined ? '' : ` at ${record.offset}`}`;
