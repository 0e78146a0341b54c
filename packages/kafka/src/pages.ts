import {
  before,
  beginning,
  compareOffsets,
  following,
  type LossReason,
  type Offset,
  type Page,
  type Partition,
  partitionKey,
} from '@tidemark/core';
import { type Cluster } from 'kafkajs';
import { asking } from './cluster';
import { endsOf } from './description';
import { endOf, type Fetched, type ReadRecords, recordsAfter } from './fetched-page';
import { type Fetcher, outOfRange } from './fetcher';
import { stepOver } from './step-over';

interface Ask {
  readonly wait: boolean;
  readonly signal: AbortSignal;
}

/**
 * The pages of one read. Where a partition begins, and after every error, the record at the position is read again with the first
 * ones after it: its witness proves that the history is still the same. From then on offsets chain.
 */
export class Pages {
  /** Partition → up to where it was read in one go, without an error. */
  private readonly chained = new Map<string, Offset>();

  constructor(
    private readonly cluster: Cluster,
    private readonly fetcher: Fetcher,
  ) {}

  async page(partition: Partition, after: Offset, ask: Ask): Promise<Page | { readonly lost: LossReason }> {
    const key = partitionKey(partition);
    const chains = after === beginning || this.chained.get(key) === after;
    this.chained.delete(key);
    const page = chains ? await this.after(partition, after, ask) : await this.proving(partition, after, ask);
    if (!('lost' in page)) this.chained.set(key, page.through);
    return page;
  }

  /** Begins with the record at `after` itself, where it is still there. It answers at once: nothing is known of the log yet. */
  private async proving(partition: Partition, after: Offset, ask: Ask): Promise<Page | { readonly lost: LossReason }> {
    const fetched = await this.fetcher.fetch(partition, after, { ...ask, wait: false });
    if (fetched === outOfRange) return this.after(partition, after, { ...ask, wait: false });
    if (isAhead(fetched, after)) return { lost: 'ahead' };
    return this.made(partition, after, fetched, ask.signal);
  }

  private async after(partition: Partition, after: Offset, ask: Ask): Promise<Page | { readonly lost: LossReason }> {
    const next = following(after);
    const fetched = await this.fetcher.fetch(partition, next, ask);
    return fetched === outOfRange
      ? { lost: await this.whyLost(partition, next) }
      : this.made(partition, after, fetched, ask.signal);
  }

  private async made(partition: Partition, after: Offset, fetched: Fetched, signal: AbortSignal): Promise<Page> {
    const page = pageOf(recordsAfter(after, fetched), endOf(fetched));
    return page.through !== after || page.atHead ? page : this.withoutRecords(partition, page, signal);
  }

  /** There should be something after this page's end. Its place in a response was taken by others, or only an empty batch is there. */
  private async withoutRecords(partition: Partition, page: Page, signal: AbortSignal): Promise<Page> {
    const after = page.through;
    const alone = await this.fetcher.alone(partition, following(after), signal);
    if (alone === undefined) return page;
    if (alone.messages.length > 0)
      return pageOf({ ...recordsAfter(after, alone), witness: page.witness }, endOf(alone));
    const through = await stepOver(after, endOf(alone), async (offset) => {
      const probed = await this.fetcher.alone(partition, offset, signal);
      return probed?.messages.length === 0;
    });
    return pageOf({ ...page, through }, endOf(alone));
  }

  private async whyLost({ topic, partition }: Partition, next: Offset): Promise<LossReason> {
    const what = `${topic}/${partition} has no offset ${next}, and its ends can't be asked`;
    const lows = await asking(this.cluster, what, () => endsOf(this.cluster, [topic], true));
    const low = lows.get(topic)?.get(Number(partition));
    if (low === undefined) return 'unknown';
    return compareOffsets('decimal', next, low as Offset) < 0 ? 'expired' : 'ahead';
  }
}

function pageOf({ records, through, witness }: ReadRecords, end: string): Page {
  const lag = BigInt(end) - BigInt(following(through));
  return { records, through, witness, atHead: lag <= 0n, lag: lag > 0n ? lag : 0n };
}

/** The log is shorter than the position: its end is before what should come next. */
const isAhead = ({ highWatermark }: Fetched, after: Offset): boolean =>
  compareOffsets('decimal', before(highWatermark), after) < 0;
