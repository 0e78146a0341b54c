import { DeadlineExceeded } from '@tidemark/core';

/** How long a transfer may take, in milliseconds. */
export interface DeadlineOptions {
  /** Without any progress. */
  readonly idleMs: number;
  /** As a whole. */
  readonly totalMs: number;
}

/** What ends a transfer early, as one signal: the parent's abort, either deadline, or our own {@link abort}. */
export class Deadlines {
  private readonly controller = new AbortController();
  private readonly total: NodeJS.Timeout;
  private idle: NodeJS.Timeout | undefined;

  constructor(
    private readonly parent: AbortSignal,
    private readonly options: DeadlineOptions,
    private readonly what: string,
  ) {
    this.total = setTimeout(() => this.exceeded('was not over', options.totalMs), options.totalMs).unref();
    if (parent.aborted) this.abort(parent.reason);
    else parent.addEventListener('abort', this.onParent, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Progress, and more is awaited from now on: starts the idle clock, or starts it again. */
  touch(): void {
    if (this.signal.aborted) return;
    this.idle ??= setTimeout(() => this.exceeded('made no progress', this.options.idleMs), this.options.idleMs).unref();
    this.idle.refresh();
  }

  /** Nothing is awaited: stops the idle clock. */
  rest(): void {
    clearTimeout(this.idle);
    this.idle = undefined;
  }

  abort(reason: unknown): void {
    this.close();
    this.controller.abort(reason);
  }

  /** All is well and over: the clocks stop and the parent is let go. */
  close(): void {
    this.rest();
    clearTimeout(this.total);
    this.parent.removeEventListener('abort', this.onParent);
  }

  private readonly onParent = (): void => this.abort(this.parent.reason);

  private exceeded(how: string, ms: number): void {
    this.abort(new DeadlineExceeded(`${this.what} ${how} within ${ms} ms`));
  }
}
