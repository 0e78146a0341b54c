import { type KeptLetter } from './dead-letter';
import { PipelineEnded } from './errors';
import { type Plan, Steps } from './plan';
import { refresh, type Refreshed, type RefreshOptions } from './refresh';
import { discard, replay, type ReplayOptions } from './replay';
import { type Terminal } from './terminal';
import { type SyncEvent } from './sync-event';

/** What a pipeline does to its replica beside the stream. It needs no run, goes on over runs, and ends with `stop`. */
export class Asides<M, Change> {
  private readonly over = new AbortController();
  private readonly open = new Set<Promise<unknown>>();
  private readonly steps: Steps<Change>;

  constructor(
    private readonly plan: Plan,
    private readonly terminal: Terminal<Change, M>,
    private readonly tell: (event: SyncEvent<M>) => Promise<void> | undefined,
  ) {
    this.steps = new Steps(plan, terminal.wrap);
  }

  deadLetters(limit: number): Promise<readonly KeptLetter[]> {
    return this.terminal.replica.letters({ limit });
  }

  replay(id: string, options: ReplayOptions<M>): Promise<boolean> {
    return this.during(async () => {
      const messages = await replay(this.parts, id, options, this.over.signal);
      // not awaited: who listens by iteration may be the one who asked
      if (messages !== undefined) void this.tell({ type: 'amended', by: 'replay', messages });
      return messages !== undefined;
    });
  }

  discard(id: string): Promise<void> {
    return this.during(() => discard(this.parts, id));
  }

  refresh({ scope, signal }: RefreshOptions): Promise<Refreshed> {
    const either = signal === undefined ? this.over.signal : AbortSignal.any([signal, this.over.signal]);
    return this.during(() => refresh(this.parts, scope, either));
  }

  /** Nothing begins any more; resolves when what is in flight has settled. */
  async end(): Promise<void> {
    this.over.abort(new PipelineEnded(`pipeline "${this.plan.name}" was stopped`));
    await Promise.allSettled(this.open);
  }

  private async during<T>(work: () => Promise<T>): Promise<T> {
    this.over.signal.throwIfAborted();
    const working = work();
    this.open.add(working);
    try {
      return await working;
    } finally {
      this.open.delete(working);
    }
  }

  private get parts() {
    const { plan, steps } = this;
    const { replica, unwrap } = this.terminal;
    return {
      plan,
      steps,
      replica,
      unwrap,
      merged: (changes: readonly Change[]) => this.tell({ type: 'amended', by: 'refresh', messages: unwrap(changes) }),
      trouble: (error: Error) => void this.tell({ type: 'trouble', error }),
    };
  }
}
