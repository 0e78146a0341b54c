import { aborted, orAborted } from './abort';
import { type Budget } from './budget';
import { beginning, closed } from './offset';
import { type FetchedPage, type PageFetcher } from './page-fetcher';
import { type Description, type Page } from './paged-log';
import { differs, type Mark, type Partition } from './partition';
import { type Position } from './position';
import { witnessOf } from './record';
import { type Runtime } from './runtime';
import { epochOf } from './source';
import { type LossReason, type TransportEvent } from './transport';
import { judge } from './verify';

/** Where an answer of `start` stands, and the log as it was after that. */
export interface Begun {
  readonly position: Position;
  readonly description: Description;
}

/** What a turn needs of its reader. */
export interface TurnContext<Topic extends string> {
  readonly runtime: Runtime;
  readonly fetcher: PageFetcher;
  readonly budget: Budget;
  readonly pollMs: number;
  readonly idleMs: number;
  push(event: TransportEvent<Topic>): void;
}

/** One partition, read from where one answer of `start` stands. */
export class PagedTurn<Topic extends string> {
  /** The epoch that its topic had when it began; `undefined` while it is `lost`: it idles then, whatever epoch the topic has. */
  epoch: string | undefined;
  private at: Mark;
  private readonly verdict: 'ok' | LossReason;

  constructor(
    private readonly context: TurnContext<Topic>,
    private readonly topic: Topic,
    private readonly partition: Partition,
    { position, description }: Begun,
    private readonly restart: () => void,
  ) {
    this.verdict = judge(position, description, partition).verdict;
    this.at = position.offsets.get(partition) ?? { through: beginning };
    if (this.verdict === 'ok') this.epoch = epochOf(description.source, partition.topic);
  }

  /** Reads until the signal aborts, by a restart or from outside. */
  async read(signal: AbortSignal): Promise<never> {
    const { verdict, context, partition } = this;
    const { fetcher } = context;
    if (verdict !== 'ok') return this.lose(verdict, signal);
    let toldHead: boolean | undefined;
    let until = Infinity; // when it says again that it is at its head
    let fetched = fetcher.fetch(partition, this.at.through, false, signal);
    try {
      for (;;) {
        const page = await orAborted(fetched, signal);
        if ('lost' in page) return await this.lose((await this.isAnew(signal)) ? 'changed' : page.lost, signal);
        if (differs(page.epoch, this.epoch) || differs(page.witness, this.at.witness))
          return await this.lose('changed', signal);
        const { through, atHead } = page;
        if (through === this.at.through && atHead === toldHead && context.runtime.now() < until) {
          if (!page.held) await context.runtime.sleep(context.pollMs, signal);
          fetched = fetcher.fetchUntil(until, partition, through, signal);
          continue;
        }
        until = atHead && through !== closed ? context.runtime.now() + context.idleMs : Infinity;
        fetched = atHead
          ? fetcher.fetchUntil(until, partition, through, signal)
          : fetcher.fetch(partition, through, false, signal);
        fetched.catch(() => undefined); // it is awaited after the ack
        await this.deliver(page, signal);
        toldHead = atHead;
      }
    } finally {
      fetcher.drop(fetched);
    }
  }

  /** Resolves when the delivery is acknowledged; the page's place is free then. */
  private async deliver(page: FetchedPage, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted(); // what is over tells nothing more
    const { context, topic, partition, at, restart } = this;
    const { records, through, atHead, lag, bytes } = page;
    const mark = through === at.through ? at : { through, witness: witnessOfThrough(page) };
    const acknowledged = new Promise<void>((ack) => {
      const moved = { partition, after: at.through, through: mark, records };
      context.push({ type: 'delivery', topic, ...moved, atHead, lag, ack, restart });
    });
    try {
      await orAborted(acknowledged, signal);
    } finally {
      context.budget.give(bytes);
    }
    this.at = mark;
  }

  private lose(reason: LossReason, signal: AbortSignal): Promise<never> {
    signal.throwIfAborted(); // what is over tells nothing more
    const { context, partition, at, restart } = this;
    this.epoch = undefined;
    context.push({ type: 'lost', partition, at: at.through, reason, restart });
    return aborted(signal);
  }

  /** Has the topic been created anew since the turn began? Then its offsets are others, whatever a page says. */
  private async isAnew(signal: AbortSignal): Promise<boolean> {
    const { source } = await this.context.fetcher.describe(signal);
    return differs(this.epoch, epochOf(source, this.partition.topic));
  }
}

function witnessOfThrough({ records, through, throughWitness }: Page): string | undefined {
  const last = records.at(-1);
  return last?.offset === through ? witnessOf(last) : throughWitness;
}
