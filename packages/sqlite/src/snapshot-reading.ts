import { orAborted, type SnapshotChunk, SnapshotRejected } from '@tidemark/core';
import { asSyncError } from './sql-error';

/**
 * The chunks of one snapshot, which hold a connection open: it is closed when they end, fail, are left early, or when the
 * deadline has passed or the signal aborts, whatever the consumer is doing then.
 */
export class SnapshotReading implements AsyncIterableIterator<SnapshotChunk, void> {
  private over: { readonly error?: unknown } | undefined;
  private readonly interrupt = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private readonly onAbort = (): void => {
    this.fail(this.options.signal.reason);
  };

  constructor(
    private readonly chunks: AsyncIterator<SnapshotChunk, unknown>,
    private readonly options: {
      readonly deadlineMs: number;
      readonly signal: AbortSignal;
      close(): void;
    },
  ) {
    const { deadlineMs, signal } = options;
    const late = `the snapshot was read for longer than ${deadlineMs} ms; read faster, or raise snapshotDeadlineMs`;
    this.timer = setTimeout(() => {
      this.fail(new SnapshotRejected(late, true));
    }, deadlineMs).unref();
    signal.addEventListener('abort', this.onAbort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<SnapshotChunk, void>> {
    if (this.over !== undefined) {
      if ('error' in this.over) throw this.over.error;
      return { done: true, value: undefined };
    }
    try {
      const result = await orAborted(this.chunks.next(), this.interrupt.signal);
      if (result.done !== true) return result;
      this.end({});
      return { done: true, value: undefined };
    } catch (thrown) {
      const error = asSyncError(thrown, 'snapshot of sqliteLog');
      this.end({ error });
      throw error;
    }
  }

  return(): Promise<IteratorResult<SnapshotChunk, void>> {
    this.end({});
    return Promise.resolve({ done: true, value: undefined });
  }

  private fail(error: unknown): void {
    this.end({ error });
    this.interrupt.abort(error);
  }

  private end(over: { readonly error?: unknown }): void {
    if (this.over !== undefined) return;
    this.over = over;
    clearTimeout(this.timer);
    this.options.signal.removeEventListener('abort', this.onAbort);
    this.options.close();
    // Lets the rows' generators run their `finally`; what they throw there, with the connection gone, is of no interest.
    Promise.resolve(this.chunks.return?.()).catch(() => undefined);
  }
}
