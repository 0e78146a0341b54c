import { beginning, compareOffsets, SnapshotRejected } from '@tidemark/core';
import { Consumer, type Disturbed, type PullLimits } from './consumer';
import { head } from './description';
import { type JetStream, type StreamInfo } from './jetstream';
import { type Delivered } from './message';
import { keepsOneEach, markerMs, type SnapshotPlace } from './snapshot-place';
import { SubjectPattern } from './subject-pattern';

/**
 * The latest message of each subject of a partition, pull by pull; nothing is fetched ahead. One that is replaced before it is read
 * comes as its newer one, or not at all: that one is behind the position, and is read from the log. What else is missing was taken away
 * without a word, and the snapshot isn't whole.
 */
export class LatestMessages {
  private readonly begun = performance.now();
  private expected = 0;
  private came = 0;

  constructor(
    private readonly js: JetStream,
    private readonly place: SnapshotPlace,
  ) {}

  /** The log's name of its topic. */
  get name(): string {
    return this.place.topic.name;
  }

  /** Rejects with `Disturbed` where the consumer is lost, and with `SnapshotRejected`. */
  async *read(signal: AbortSignal): AsyncGenerator<readonly Delivered[], void, undefined> {
    const consumer = await this.consumer();
    const close = () => {
      consumer.close();
    };
    signal.addEventListener('abort', close, { once: true });
    try {
      signal.throwIfAborted();
      this.expected = consumer.expected;
      const end = head(await this.stream()); // it is still the one of the position, and the consumer is of it
      if (this.expected === 0) return;
      for (let batch = firstBatch, empty = 0; ;) {
        const { messages, atEnd } = await consumer.pull({ wait: false, batch, signal });
        this.came += messages.length;
        if (messages.length > 0) yield messages;
        else if (++empty > this.expected) return;
        const last = messages.at(-1)?.record.offset ?? beginning;
        // what follows was written since
        if (compareOffsets('decimal', last, end) >= 0 && this.came >= this.expected) return;
        if (atEnd && (messages.length > 0 || (await this.isThrough(consumer)))) return;
        batch = nextBatch(batch, messages);
      }
    } finally {
      signal.removeEventListener('abort', close);
      close();
    }
  }

  /** Once everything was read: was all of it there all the time? Rejects with `SnapshotRejected`. */
  async verify(): Promise<void> {
    await this.verifyKept();
    if (this.came < this.expected && markerMs(this.place.info) === 0)
      throw this.rejected(`of ${this.expected} subjects only ${this.came} came`);
  }

  /** What it is for who reads: nothing can go on from there. A purge may look so, to which older servers don't answer. */
  async cutOff(error: Disturbed): Promise<SnapshotRejected> {
    const why = await this.verifyKept().catch((other: unknown) => other);
    return why instanceof SnapshotRejected ? why : this.rejected(error.message, error);
  }

  /** A subject of which nothing is left was taken away: a deletion leaves a marker. */
  private async verifyKept(): Promise<void> {
    const { topic, info } = this.place;
    const now = await this.stream();
    const markers = markerMs(info);
    if (markers > 0) {
      // subjects go by their age, and markers after them; they are behind the position, and still there to be read
      if (performance.now() - this.begun < markers) return;
      throw this.rejected('it took longer than markers of deletions are kept (subject_delete_marker_ttl)');
    }
    if (topic.keeps === 'log') {
      if (removedFrom(now) > removedFrom(info)) throw this.rejected('messages were removed meanwhile');
      return;
    }
    const count = await this.consumer();
    count.close();
    if (count.expected < this.expected)
      throw this.rejected(`it was purged meanwhile: ${this.expected} subjects were there, ${count.expected} are left`);
  }

  /** A listed message that is gone ends the pull (since server 2.10); those after it come by the next one. */
  private async isThrough(consumer: Consumer): Promise<boolean> {
    if (keepsOneEach(this.place.info) || (await consumer.hasNothing())) return true;
    await this.verifyKept(); // after a purge there would be a pull for each message that is gone
    return false;
  }

  private async stream(): Promise<StreamInfo> {
    const { topic, info } = this.place;
    const now = await this.js.stream(topic.stream);
    if (now.created !== info.created) throw this.rejected('it was created anew meanwhile');
    return now;
  }

  private consumer(): Promise<Consumer> {
    const { topic, filters, keys, info } = this.place;
    const { stream } = topic;
    if (keepsOneEach(info))
      return Consumer.open(this.js, stream, { filters, keys }, { deliver_policy: 'all' }, { ...limits, maxBytes });
    const listed = filters.length === 0 ? [everything] : filters; // servers want a filter with last_per_subject
    return Consumer.open(this.js, stream, { filters: listed, keys }, { deliver_policy: 'last_per_subject' }, limits);
  }

  private rejected(why: string, cause?: unknown): SnapshotRejected {
    return new SnapshotRejected(`the snapshot of stream ${this.place.topic.stream} isn't whole: ${why}`, true, {
      cause,
    });
  }
}

const everything = new SubjectPattern('>');

/** Bytes of a pull. */
const maxBytes = 1024 * 1024;

/** Whoever reads may rest for nearly five minutes between two chunks. */
const limits: PullLimits = { batch: 2_000, expiresMs: 0, forgottenMs: 300_000 };

/** Where a pull can't be limited by bytes (servers lose what doesn't fit, with last_per_subject), the sizes seen limit the next one. */
const firstBatch = 100;

function nextBatch(batch: number, messages: readonly Delivered[]): number {
  const biggest = Math.max(1, ...messages.map(({ record }) => record.value?.length ?? 0));
  return Math.max(1, Math.min(limits.batch, batch * 2, Math.floor(maxBytes / biggest)));
}

/** How many sequences have no message (any more). */
const removedFrom = ({ state }: StreamInfo): number => state.last_seq - state.messages;
