/** One consumer's `for await`: whoever pushes waits until the item is taken. */
export class Pulls<T> implements AsyncIterableIterator<T> {
  private waiting: { resolve(result: IteratorResult<T, undefined>): void; reject(error: unknown): void } | undefined;
  private readonly offered: { readonly item: T; readonly taken: () => void }[] = [];
  private ended: { readonly error?: unknown } | undefined;
  private released = false;

  constructor(private readonly leave: () => void) {}

  /** A promise where the consumer isn't asking just now. */
  push(item: T): Promise<void> | undefined {
    if (this.ended !== undefined) return undefined;
    if (this.waiting !== undefined) {
      this.waiting.resolve({ done: false, value: item });
      this.waiting = undefined;
      return undefined;
    }
    if (this.released) {
      this.offered.push({ item, taken: () => undefined });
      return undefined;
    }
    return new Promise((taken) => this.offered.push({ item, taken }));
  }

  /** Nobody waits for the consumer any more: the pipeline is ending. */
  release(): void {
    this.released = true;
    for (const { taken } of this.offered) taken();
  }

  /** What was offered can still be taken. */
  end(end: { readonly error?: unknown }): void {
    this.ended ??= end;
    if (this.waiting === undefined) return;
    if ('error' in this.ended) this.waiting.reject(this.ended.error);
    else this.waiting.resolve(done);
    this.waiting = undefined;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    const offer = this.offered.shift();
    if (offer !== undefined) {
      offer.taken();
      return { done: false, value: offer.item };
    }
    if (this.ended !== undefined) {
      if ('error' in this.ended) throw this.ended.error;
      return done;
    }
    return new Promise((resolve, reject) => (this.waiting = { resolve, reject }));
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.end({});
    for (const { taken } of this.offered.splice(0)) taken();
    this.leave();
    return done;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const done = { done: true, value: undefined } as const;
