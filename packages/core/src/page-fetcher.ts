import { aborted, nobodyAsks, orAborted } from './abort';
import { type Budget } from './budget';
import { closed, type Offset } from './offset';
import { type Description, type Page, type PagedLog } from './paged-log';
import { type Partition } from './partition';
import { retrying } from './retry';
import { type Runtime } from './runtime';
import { type LossReason } from './transport';

export interface Lost {
  readonly lost: LossReason;
}

/** A page that has its place in the budget; whoever is through with it gives its bytes back. */
export interface FetchedPage extends Page {
  /** Of keys and values. */
  readonly bytes: number;
  /** It was waited for, by the log itself: asking again at once is no tight loop. */
  readonly held: boolean;
}

/** Pages within a budget of bytes; what is retryable is asked again. */
export class PageFetcher {
  constructor(
    private readonly log: PagedLog,
    private readonly context: {
      readonly runtime: Runtime;
      readonly budget: Budget;
      /** How long the log must hold a page back so that it isn't asked again in a tight loop, in milliseconds. */
      readonly pollMs: number;
      trouble(error: Error): void;
    },
  ) {}

  describe(signal: AbortSignal): Promise<Description> {
    return this.retrying(() => this.log.describe(signal), signal);
  }

  /** The page after `after`. Fetching waits for the budget; waiting at the head costs none of it until something comes. */
  async fetch(partition: Partition, after: Offset, wait: boolean, signal: AbortSignal): Promise<Lost | FetchedPage> {
    if (after === closed)
      return wait ? aborted(signal) : { records: [], through: closed, atHead: true, bytes: 0, held: true };
    const { runtime, budget, pollMs } = this.context;
    if (!wait) return this.budgeted(partition, after, false, signal);
    const asked = runtime.now();
    const page = await this.page(partition, after, true, signal);
    if ('lost' in page) return page;
    const held = runtime.now() - asked >= pollMs;
    // what came while there is no room isn't kept, but asked for again when there is
    return budget.take(page.bytes) ? { ...page, held } : this.budgeted(partition, after, held, signal);
  }

  /** What comes next at the head; when nothing has by `until`, what there is then. */
  async fetchUntil(
    until: number,
    partition: Partition,
    after: Offset,
    signal: AbortSignal,
  ): Promise<Lost | FetchedPage> {
    if (until === Infinity) return this.fetch(partition, after, true, signal);
    const { runtime } = this.context;
    const waiting = new AbortController();
    const stop = () => {
      waiting.abort(nobodyAsks);
    };
    signal.addEventListener('abort', stop, { once: true });
    runtime.sleep(Math.max(0, until - runtime.now()), waiting.signal).then(stop, () => undefined);
    const fetching = this.fetch(partition, after, true, waiting.signal);
    try {
      return await orAborted(fetching, waiting.signal);
    } catch (error) {
      this.drop(fetching); // a page that ignores its signal may come later: nobody takes it
      if (signal.aborted || !waiting.signal.aborted) throw error;
      return await this.fetch(partition, after, false, signal);
    } finally {
      signal.removeEventListener('abort', stop);
      waiting.abort(nobodyAsks);
    }
  }

  /** Nobody takes this page, should it come. */
  drop(fetching: Promise<Lost | FetchedPage>): void {
    fetching.then(
      (page) => {
        if ('bytes' in page) this.context.budget.give(page.bytes);
      },
      () => undefined,
    );
  }

  /** A page that has its place in the budget before it is asked for. */
  private async budgeted(
    partition: Partition,
    after: Offset,
    held: boolean,
    signal: AbortSignal,
  ): Promise<Lost | FetchedPage> {
    const { budget } = this.context;
    await budget.reserve(signal);
    let bytes = 0;
    try {
      const page = await this.page(partition, after, false, signal);
      if ('lost' in page) return page;
      ({ bytes } = page);
      return { ...page, held };
    } finally {
      budget.settle(bytes);
    }
  }

  private async page(
    partition: Partition,
    after: Offset,
    wait: boolean,
    signal: AbortSignal,
  ): Promise<Lost | (Page & { readonly bytes: number })> {
    const page = await this.retrying(() => this.log.page(partition, after, { wait, signal }), signal);
    if ('lost' in page) return page;
    let bytes = 0;
    for (const { key, value } of page.records) bytes += (key?.length ?? 0) + (value?.length ?? 0);
    return { ...page, bytes };
  }

  private retrying<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { runtime } = this.context;
    return retrying(work, {
      runtime,
      signal,
      onTrouble: (error) => {
        this.context.trouble(error);
      },
    });
  }
}
