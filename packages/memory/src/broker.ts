import {
  type Description,
  InvalidConfiguration,
  type LossReason,
  type Mark,
  type NewRecord,
  type Offset,
  OffsetMap,
  type Page,
  type Partition,
  type Position,
  type Source,
  Unavailable,
} from '@tidemark/core';
import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Group } from './group';
import { Lane, type Unplaced } from './lane';
import { MemoryPositions } from './memory-positions';

/** How one topic is laid out. */
export interface TopicLayout {
  readonly partitions: number;
  /** Records that retention keeps in each partition; all of them unless given. */
  readonly keep?: number | undefined;
  /** How long retention keeps a record, in milliseconds by `clock`; for ever unless given. Enforced when something is published. */
  readonly keepMs?: number | undefined;
}

interface Topic {
  readonly layout: TopicLayout;
  readonly epoch: string;
  readonly lanes: Lane[];
}

/** What every client of one in-memory log shares: the topics, the groups, and whether it can be reached. */
export class Broker {
  private readonly cluster = randomUUID();
  private readonly topics = new Map<string, Topic>();
  private readonly groups = new Map<string, { readonly group: Group; readonly positions: MemoryPositions }>();
  private outages = 0;

  constructor(
    layouts: ReadonlyMap<string, TopicLayout>,
    private readonly clock: () => number,
  ) {
    for (const [name, layout] of layouts) this.topics.set(name, created(name, layout, 1));
  }

  describe(): Description {
    this.requireReachable();
    const partitions = [...this.topics].flatMap(
      ([
        topic,
        {
          lanes,
          layout: { keepMs: retentionMs },
        },
      ]) => lanes.map(({ trimmed, head }, i) => ({ topic, partition: String(i), trimmed, head, retentionMs })),
    );
    return { source: this.source(), partitions };
  }

  async page(
    { topic, partition }: Partition,
    after: Offset,
    { wait, signal }: { readonly wait: boolean; readonly signal: AbortSignal },
  ): Promise<Page | { readonly lost: LossReason }> {
    for (;;) {
      signal.throwIfAborted();
      this.requireReachable();
      const state = this.topics.get(topic);
      const lane = state?.lanes[Number(partition)];
      if (state === undefined || lane === undefined) return { lost: 'unknown' };
      const page = lane.page(after);
      if ('lost' in page || !wait || page.through !== after) return { epoch: state.epoch, ...page };
      await lane.changed(signal);
    }
  }

  /** All of it is accepted before this returns; answers with the partitions that were written. */
  publish(topic: string, records: readonly NewRecord[]): Position {
    this.requireReachable();
    const { lanes, layout } = this.topic(topic);
    const parts = new Map<number, NewRecord[]>();
    const timestamp = this.clock();
    for (const record of records) {
      const part = crc32(record.key) % lanes.length;
      const others = parts.get(part);
      if (others === undefined) parts.set(part, [record]);
      else others.push(record);
    }
    // the bytes of a partition lie side by side, as they will be read
    const placed = [...parts].map(
      ([part, ofPart]) => [part, ofPart.map((record) => toUnplaced(record, timestamp))] as const,
    );
    for (const [part, unplaced] of placed) this.lane(topic, part).append(unplaced);
    for (const lane of lanes) lane.expire(timestamp - (layout.keepMs ?? Infinity));
    const written = [...parts.keys()].map((part) => this.entry(topic, part, (lane) => lane.markBeforeLast(0)));
    return { source: this.source(), offsets: OffsetMap.from('decimal', written) };
  }

  /** A mark of every partition. */
  position(mark: (lane: Lane) => Mark): Position {
    this.requireReachable();
    const entries = [...this.topics].flatMap(([name, { lanes }]) =>
      lanes.map((_, part) => this.entry(name, part, mark)),
    );
    return { source: this.source(), offsets: OffsetMap.from('decimal', entries) };
  }

  /** The lanes of a topic, or the one that is named. */
  lanes(topic: string, partition?: string): readonly Lane[] {
    return partition === undefined ? this.topic(topic).lanes : [this.lane(topic, Number(partition))];
  }

  grow(topic: string, partitions: number): void {
    const { lanes, layout } = this.topic(topic);
    if (!Number.isInteger(partitions) || partitions < lanes.length)
      throw new InvalidConfiguration(`${topic} has ${lanes.length} partitions; it can't grow to ${partitions}`);
    while (lanes.length < partitions) lanes.push(new Lane(layout.keep));
    this.regroup();
  }

  recreate(topic: string): void {
    const { layout, epoch, lanes } = this.topic(topic);
    this.topics.set(topic, created(topic, layout, Number(epoch) + 1));
    for (const lane of lanes) lane.wake();
    this.regroup();
  }

  outage(): () => void {
    this.outages++;
    for (const { lanes } of this.topics.values()) for (const lane of lanes) lane.wake();
    let over = false;
    return () => {
      if (!over) this.outages--;
      over = true;
    };
  }

  group(name: string): { readonly group: Group; readonly positions: MemoryPositions } {
    const existing = this.groups.get(name);
    if (existing !== undefined) return existing;
    const created = { group: new Group(), positions: new MemoryPositions() };
    this.groups.set(name, created);
    return created;
  }

  private regroup(): void {
    for (const { group } of this.groups.values()) group.wake();
  }

  private source(): Source {
    const epochs = Object.fromEntries([...this.topics].map(([name, { epoch }]) => [name, epoch]));
    return { kind: 'memory', order: 'decimal', cluster: this.cluster, epochs };
  }

  private entry(topic: string, part: number, mark: (lane: Lane) => Mark) {
    return { topic, partition: String(part), ...mark(this.lane(topic, part)) };
  }

  private topic(name: string): Topic {
    const topic = this.topics.get(name);
    if (topic === undefined) throw new InvalidConfiguration(`the memory log has no topic ${name}`);
    return topic;
  }

  private lane(topic: string, part: number): Lane {
    const lane = this.topic(topic).lanes[part];
    if (lane === undefined) throw new InvalidConfiguration(`the memory log has no partition ${topic}/${part}`);
    return lane;
  }

  private requireReachable(): void {
    if (this.outages > 0) throw new Unavailable('the memory log is out of reach: an outage was asked for');
  }
}

function created(name: string, layout: TopicLayout, epoch: number): Topic {
  const { partitions, keep, keepMs } = layout;
  if (!Number.isInteger(partitions) || partitions < 1)
    throw new InvalidConfiguration(`topic ${name} needs a whole number of partitions, at least one`);
  if (keep !== undefined && !(Number.isInteger(keep) && keep >= 0))
    throw new InvalidConfiguration(`topic ${name}: keep is a whole number of records`);
  if (keepMs !== undefined && !(keepMs > 0))
    throw new InvalidConfiguration(`topic ${name}: keepMs is a number of milliseconds above 0`);
  return { layout, epoch: String(epoch), lanes: Array.from({ length: partitions }, () => new Lane(keep)) };
}

function toUnplaced({ key, value, headers }: NewRecord, timestamp: number): Unplaced {
  return {
    key: Buffer.from(key, 'utf8'),
    value: typeof value === 'string' ? Buffer.from(value, 'utf8') : value,
    headers: headers === undefined ? noHeaders : headersOf(headers),
    timestamp,
  };
}

const headersOf = (headers: Readonly<Record<string, string>>): ReadonlyMap<string, Uint8Array> =>
  new Map(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text, 'utf8')]));

const noHeaders: ReadonlyMap<string, Uint8Array> = new Map();
