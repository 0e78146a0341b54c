import {
  beginning,
  decimal,
  type Description,
  type LogRecord,
  type LossReason,
  type NewRecord,
  type Offset,
  OffsetMap,
  type Page,
  type Partition,
  type Position,
  type Source,
  witnessOf,
} from '@tidemark/core';
import { type Random } from './sim-random';

/** A record as A has published it. */
export interface Published {
  /** The application's topic. */
  readonly topic: string;
  readonly key: string;
  /** Text; `null` is a tombstone. */
  readonly value: string | null;
}

/** One place of a partition: a record, or a marker (a transaction's end, a compacted record) that readers never see. */
interface Placed {
  /** In the order in which A has published, over all topics. */
  readonly sequence: number;
  readonly published: Published | undefined;
  readonly record: LogRecord;
  readonly witness: string | undefined;
}

/** One partition in one life of its topic. */
interface Lane {
  entries: Placed[];
  /** How many of them retention has removed, from the front. */
  trimmed: number;
  /** What once stood here and was cut off. */
  readonly cut: Placed[][];
}

/** From a topic's creation to its next one. */
interface Life {
  readonly epoch: string;
  /** What was published in earlier lives: A's state still has it. */
  readonly before: readonly Placed[];
  readonly lanes: Lane[];
}

/** The log at some moment; what changes later doesn't show. */
export interface View {
  readonly at: number;
  readonly topics: ReadonlyMap<string, { readonly life: Life; readonly lanes: readonly LaneView[] }>;
}

interface LaneView {
  readonly entries: readonly Placed[];
  readonly length: number;
  readonly trimmed: number;
}

/** How many earlier moments a mirror may show. */
const viewsKept = 40;

export interface SimLogOptions {
  /** The application's topic → its partitions. */
  readonly topics: ReadonlyMap<string, number>;
  /** How likely a marker comes before a record. */
  readonly markers: number;
  /** Records of a key go to any partition, not to one. */
  readonly scatter: boolean;
}

/** The log of a simulated world: topics with partitions, retention, lives, and mirrors that lag. It forgets nothing. */
export class SimLog {
  private readonly lives = new Map<string, Life[]>();
  private readonly homes = new Map<string, number>();
  private views: View[] = [];
  private waiting: (() => void)[] = [];
  private sequence = 0;
  private readonly descriptions = new WeakMap<View, Description>();
  private readonly ends = new WeakMap<View, Position>();

  constructor(
    private readonly options: SimLogOptions,
    private readonly random: Random,
    private readonly now: () => number,
  ) {
    for (const [topic, partitions] of options.topics)
      this.lives.set(topic, [{ epoch: '1', before: [], lanes: lanes(partitions) }]);
    this.changed();
  }

  // ── what A and the world do with it ────────────────────────────────────────

  publish(topic: string, records: readonly NewRecord[]): Position {
    const { lanes } = this.life(topic);
    const written = new Set<number>();
    for (const { key, value } of records) {
      const part = this.partitionOf(topic, key, lanes.length);
      const text = typeof value === 'object' && value !== null ? Buffer.from(value).toString('utf8') : value;
      const lane = lanes[part] as Lane;
      if (this.random.chance(this.options.markers)) this.append(lane, undefined, '', null);
      this.append(lane, { topic, key, value: text }, key, text);
      written.add(part);
    }
    this.changed();
    return this.endOf(this.view(), (name, part) => name === topic && written.has(part));
  }

  /** Removes records from the front of some partition. */
  trim(topic: string): void {
    const lane = this.random.pick(this.life(topic).lanes);
    if (lane === undefined || lane.trimmed >= lane.entries.length) return;
    lane.trimmed = this.random.between(lane.trimmed + 1, lane.entries.length);
    this.changed();
  }

  /** Cuts acknowledged records off the end of some partition, as an unclean leader election does. */
  truncate(topic: string): void {
    const lane = this.random.pick(this.life(topic).lanes);
    if (lane === undefined || lane.entries.length <= lane.trimmed) return;
    const kept = Math.max(lane.trimmed, lane.entries.length - this.random.between(1, 4));
    lane.cut.push(lane.entries);
    lane.entries = lane.entries.slice(0, kept);
    this.changed();
  }

  /** Deletes the topic and creates it anew; A's state stays. */
  recreate(topic: string): void {
    const life = this.life(topic);
    const before = inOrder([...life.before, ...life.lanes.flatMap(({ entries }) => entries)]);
    const epoch = String(Number(life.epoch) + 1);
    this.lives.get(topic)?.push({ epoch, before, lanes: lanes(life.lanes.length) });
    this.changed();
  }

  grow(topic: string): void {
    this.life(topic).lanes.push(...lanes(1));
    this.changed();
  }

  /** Whoever waits for news looks again. */
  wake(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** Resolves at the next change. */
  news(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  // ── what its clients see ───────────────────────────────────────────────────

  get topics(): readonly string[] {
    return [...this.lives.keys()];
  }

  /** As it is now. */
  view(): View {
    return this.views.at(-1) as View;
  }

  /** As it was at some moment in the last `ms` milliseconds. */
  earlier(ms: number): View {
    return this.random.pick(this.since(ms)) ?? this.view();
  }

  /** The same, in the present life and with the present partitions. */
  earlierInThisLife(ms: number): View {
    const current = this.view();
    return this.random.pick(this.since(ms).filter(({ topics }) => sameShape(topics, current.topics))) ?? current;
  }

  private since(ms: number): readonly View[] {
    return this.views.filter((_, i) => (this.views[i + 1]?.at ?? Infinity) >= this.now() - ms);
  }

  describe(view: View): Description {
    return once(this.descriptions, view, () => this.described(view));
  }

  private described({ topics }: View): Description {
    const partitions = [...topics].flatMap(([topic, { lanes }]) =>
      lanes.map(({ length, trimmed }, part) => ({
        topic,
        partition: String(part),
        trimmed: offsetOf(trimmed),
        head: offsetOf(length),
      })),
    );
    return { source: sourceOf(topics), partitions };
  }

  page(
    { topics }: View,
    { topic, partition }: Partition,
    after: Offset,
    limit: number,
  ): Page | { readonly lost: LossReason } {
    const state = topics.get(topic);
    const lane = state?.lanes[Number(partition)];
    if (state === undefined || lane === undefined) return { lost: 'unknown' };
    const from = countOf(after);
    if (from < lane.trimmed) return { lost: 'expired' };
    if (from > lane.length) return { lost: 'ahead' };
    const to = Math.min(lane.length, from + limit);
    const records = lane.entries.slice(from, to).flatMap(({ published, record }) => (published ? [record] : []));
    const witness = from > lane.trimmed ? lane.entries[from - 1]?.witness : undefined;
    const lag = BigInt(lane.length - to);
    return { records, through: offsetOf(to), atHead: to === lane.length, lag, epoch: state.life.epoch, witness };
  }

  /** The end of every partition. */
  position(view: View): Position {
    return once(this.ends, view, () => this.endOf(view, () => true));
  }

  private endOf({ topics }: View, wanted: (topic: string, part: number) => boolean): Position {
    const entries = [...topics].flatMap(([topic, { lanes }]) =>
      lanes.flatMap(({ entries: placed, length }, part) =>
        wanted(topic, part)
          ? [{ topic, partition: String(part), through: offsetOf(length), witness: placed[length - 1]?.witness }]
          : [],
      ),
    );
    return { source: sourceOf(topics), offsets: OffsetMap.from('decimal', entries) };
  }

  // ── what only the world knows ──────────────────────────────────────────────

  /** Everything that A had published at that moment, in order. */
  publishedAt({ topics }: View): readonly Published[] {
    return publishedOf(
      [...topics.values()].flatMap(({ life, lanes }) => [
        ...life.before,
        ...lanes.flatMap(({ entries, length }) => entries.slice(0, length)),
      ]),
    );
  }

  /** Everything that a position includes, in order. Throws where it names what never was. */
  included({ source, offsets }: Position): readonly Published[] {
    const placed: Placed[] = [];
    for (const [topic, lives] of this.lives) {
      const epoch = source.epochs[topic];
      const life = lives.find((one) => one.epoch === epoch);
      if (life === undefined)
        throw new Error(`the position is of ${topic}'s life ${epoch ?? '(none)'}, which never was`);
      placed.push(...life.before);
      for (const [part, lane] of life.lanes.entries()) {
        const mark = offsets.get({ topic, partition: String(part) });
        if (mark !== undefined) placed.push(...prefix(lane, mark, `${topic}/${part}`));
      }
    }
    return publishedOf(placed);
  }

  /** Has it lost acknowledged records of this partition, or is this life of its topic over? */
  hasLost(topic: string, partition: string, epoch: string): boolean {
    const life = this.life(topic);
    return life.epoch !== epoch || life.lanes[Number(partition)]?.cut.length !== 0;
  }

  private partitionOf(topic: string, key: string, partitions: number): number {
    if (this.options.scatter) return this.random.below(partitions);
    const name = `${topic}/${key}`;
    const home = this.homes.get(name) ?? this.random.below(partitions);
    this.homes.set(name, home);
    return home;
  }

  private append(lane: Lane, published: Published | undefined, key: string, value: string | null): void {
    const record: LogRecord = {
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: new Map(),
      timestamp: Math.floor(this.now()),
      offset: offsetOf(lane.entries.length + 1),
    };
    const witness = published === undefined ? undefined : witnessOf(record);
    lane.entries.push({ sequence: this.sequence++, published, record, witness });
  }

  private life(topic: string): Life {
    const life = this.lives.get(topic)?.at(-1);
    if (life === undefined) throw new Error(`the simulated log has no topic ${topic}`);
    return life;
  }

  private changed(): void {
    const topics = new Map(
      this.topics.map((topic) => {
        const life = this.life(topic);
        const seen = life.lanes.map(({ entries, trimmed }) => ({ entries, length: entries.length, trimmed }));
        return [topic, { life, lanes: seen }] as const;
      }),
    );
    this.views.push({ at: this.now(), topics });
    if (this.views.length > viewsKept) this.views.shift();
    this.wake();
  }
}

/** What was made of it before, or is made now. */
function once<K extends object, V>(made: WeakMap<K, V>, of: K, make: () => V): V {
  const before = made.get(of);
  if (before !== undefined) return before;
  const value = make();
  made.set(of, value);
  return value;
}

const lanes = (n: number): Lane[] => Array.from({ length: n }, () => ({ entries: [], trimmed: 0, cut: [] }));

/** How many records are before or at this offset. */
const countOf = (offset: Offset): number => (offset === beginning ? 0 : Number(offset) + 1);
const offsetOf = (count: number): Offset => (count === 0 ? beginning : decimal(count - 1));

const sourceOf = (topics: View['topics']): Source => ({
  kind: 'simulated',
  order: 'decimal',
  cluster: 'simulated',
  epochs: Object.fromEntries([...topics].map(([topic, { life }]) => [topic, life.epoch])),
});

const sameShape = (one: View['topics'], other: View['topics']): boolean =>
  [...one].every(([topic, { life, lanes }]) => {
    const there = other.get(topic);
    return there?.life === life && there.lanes.length === lanes.length;
  });

const inOrder = (placed: readonly Placed[]): Placed[] => [...placed].sort((a, b) => a.sequence - b.sequence);

const publishedOf = (placed: readonly Placed[]): readonly Published[] =>
  inOrder(placed).flatMap(({ published }) => published ?? []);

/** What stands through this mark: of the history that its witness proves, where several have stood there. */
function prefix(
  { entries, cut }: Lane,
  { through, witness }: { readonly through: Offset; readonly witness?: string | undefined },
  where: string,
): readonly Placed[] {
  const count = countOf(through);
  const history = [entries, ...cut].find(
    (one) => one.length >= count && (witness === undefined || count === 0 || one[count - 1]?.witness === witness),
  );
  if (history === undefined) throw new Error(`the position stands at ${through} of ${where}, where nothing ever stood`);
  return history.slice(0, count);
}
