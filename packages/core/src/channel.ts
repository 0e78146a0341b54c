/**
 * A push-to-pull queue for one consumer. It holds what was pushed until it is pulled, so whoever pushes must bound what is out
 * (transports do: one delivery per partition).
 */
export class Channel<T> implements AsyncIterable<T> {
  private items: T[] = [];
  private ended: { readonly error?: unknown } | undefined;
  private wake: (() => void) | undefined;

  push(item: T): void {
    if (this.ended !== undefined) return;
    this.items.push(item);
    this.wake?.();
  }

  /** Takes back what was pushed and not pulled yet. */
  drop(unwanted: (item: T) => boolean): void {
    this.items = this.items.filter((item) => !unwanted(item));
  }

  end(): void {
    this.ended ??= {};
    this.wake?.();
  }

  /** Ends with an error, once what was pushed before is consumed. */
  fail(error: unknown): void {
    this.ended ??= { error };
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      while (this.items.length > 0) yield this.items.shift() as T;
      if (this.ended !== undefined) {
        if ('error' in this.ended) throw this.ended.error;
        return;
      }
      await new Promise<void>((resolve) => (this.wake = resolve));
      this.wake = undefined;
    }
  }
}
