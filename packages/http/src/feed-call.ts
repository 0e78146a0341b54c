import { DeadlineExceeded, SyncError, Unavailable } from '@tidemark/core';

/** What ends one request early: the caller's abort, our deadlines, or its end. */
export class Call {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private total: NodeJS.Timeout | undefined;

  constructor(
    private readonly where: string,
    private readonly ms: number,
    private readonly parent: AbortSignal,
  ) {
    if (parent.aborted) this.onParent();
    else parent.addEventListener('abort', this.onParent, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  awaits(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.controller.abort(new DeadlineExceeded(`${this.where} was silent for ${this.ms} ms`));
    }, this.ms);
  }

  rests(): void {
    clearTimeout(this.timer);
  }

  /** From now on all has to come within so many milliseconds, however steadily it does; `undefined`: it may take its time. */
  within(ms: number | undefined): void {
    clearTimeout(this.total);
    if (ms === undefined) return;
    this.total = setTimeout(() => {
      this.controller.abort(new DeadlineExceeded(`${this.where} sent something, and not all within ${ms} ms`));
    }, ms);
  }

  /** What to throw: the reason of our own abort, or what the network did. */
  failed(cause: unknown): unknown {
    const reason: unknown = this.signal.reason;
    this.end();
    if (reason !== undefined) return reason;
    if (cause instanceof SyncError) return cause;
    return new Unavailable(`${this.where} can't be reached, or broke off${codeOf(cause)}`, { cause });
  }

  /** Frees whatever is still held; does nothing to an answer that was read to its end. */
  end(): void {
    clearTimeout(this.timer);
    clearTimeout(this.total);
    this.parent.removeEventListener('abort', this.onParent);
    this.controller.abort();
  }

  private readonly onParent = (): void => {
    this.controller.abort(this.parent.reason);
  };
}

/** ` (ECONNREFUSED)`, where the network says something like it. */
function codeOf(error: unknown): string {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? ` (${code})` : '';
}
