import {
  decimal,
  InvalidConfiguration,
  type Log,
  type PagedLog,
  pagedTransport,
  type Point,
  type Position,
  type PositionStore,
  type Rows,
  type Runtime,
  type SnapshotSource,
  type TopicOf,
  type Topics,
} from '@tidemark/core';
import { Broker, type TopicLayout } from './broker';
import { type Lane } from './lane';
import { MemoryPositions } from './memory-positions';
import { snapshotAtHead } from './snapshot-at-head';

export interface MemoryLogOptions<N> {
  /** The topics: names (one partition each), or names with their layout. */
  readonly topics: N;
  /** Members of one group divide the partitions (`reads: 'share'`); without it every client reads all of them. */
  readonly group?: string | undefined;
  /** What records are dated with, in milliseconds since the Unix epoch; default `Date.now`. */
  readonly clock?: (() => number) | undefined;
  readonly runtime?: Runtime | undefined;
}

/**
 * A log in this process's memory. Beyond the port it does what happens to logs, at once and for every client: each of these
 * acts on all partitions of the topic, or on the one named. They throw `InvalidConfiguration` for one that isn't there.
 */
export interface MemoryLog<T extends string = string> extends Log<T>, PagedLog<T> {
  /** Another client of the same log: another member of the same group. */
  member(): MemoryLog<T>;
  /** Rows and the head, taken together: exact where a row function answers with an array or another plain iterable. */
  snapshot(rows: Rows<T>): SnapshotSource;
  /** Retention: removes the records below the offset `before`, all of them unless given. */
  trim(topic: T, before?: number | bigint | string, partition?: string): void;
  /** Takes the last `count` records back; their offsets will be given again to others. */
  truncate(topic: T, count: number, partition?: string): void;
  /** Moves the head on by `count` offsets that hold no record (default 1), as a transaction marker does. */
  gap(topic: T, count?: number, partition?: string): void;
  /** Leaves only the last record of each key. */
  compact(topic: T, partition?: string): void;
  /** Adds partitions until there are this many. Keys may move to other partitions, as in Kafka. */
  grow(topic: T, partitions: number): void;
  /** Deletes the topic and creates it again, empty, under a new epoch, with the partitions that it was made with. */
  recreate(topic: T): void;
  /** Every call is refused as `Unavailable` until the answered function is called. */
  outage(): () => void;
}

/**
 * An in-memory log: partitions, retention, groups. The reference transport for tests and simulation; nothing outlives the
 * process, so for a log that does use sqliteLog or a broker.
 *
 * @example
 * const log = memoryLog({ topics: { assignments: { partitions: 2 } } });
 * await log.publish('assignments', [{ key: '1', value: '{"media":"42"}' }]);
 */
export function memoryLog<const N extends Topics<TopicLayout>>(options: MemoryLogOptions<N>): MemoryLog<TopicOf<N>> {
  const layouts = layoutsOf(options.topics);
  return client<TopicOf<N>>(new Broker(layouts, options.clock ?? Date.now), [...layouts.keys()], options);
}

function client<T extends string>(
  broker: Broker,
  names: readonly string[],
  options: Omit<MemoryLogOptions<unknown>, 'topics'>,
): MemoryLog<T> {
  const shared = options.group === undefined ? undefined : broker.group(options.group);
  const positions: PositionStore = shared?.positions ?? new MemoryPositions();
  const paged: PagedLog<T> = {
    kind: 'memory',
    topics: Object.fromEntries(names.map((name) => [name, name])) as { readonly [K in T]: string },
    describe: (signal) => promised(signal, () => broker.describe()),
    page: (partition, after, ask) => broker.page(partition, after, ask),
  };
  const transport = pagedTransport(paged, {
    assignments: shared?.group.assignments,
    describeMs: 200,
    runtime: options.runtime,
  });
  const each = (topic: T, partition: string | undefined, act: (lane: Lane) => void) => {
    for (const lane of broker.lanes(topic, partition)) act(lane);
  };
  return {
    ...transport,
    ...paged,
    positions,
    publish: (topic, records) => promised(undefined, () => broker.publish(topic, records)),
    locate: (point, signal) => promised(signal, () => locate(broker, point)),
    member: () => client(broker, names, options),
    snapshot: (rows) => snapshotAtHead(() => locate(broker, 'head'), rows),
    trim: (topic, before, partition) => {
      each(topic, partition, (lane) => lane.trim(before === undefined ? undefined : decimal(before)));
    },
    truncate: (topic, count, partition) => each(topic, partition, (lane) => lane.truncate(whole(count))),
    gap: (topic, count = 1, partition) => each(topic, partition, (lane) => lane.gap(whole(count))),
    compact: (topic, partition) => each(topic, partition, (lane) => lane.compact()),
    grow: (topic, partitions) => broker.grow(topic, partitions),
    recreate: (topic) => broker.recreate(topic),
    outage: () => broker.outage(),
    /** Nothing is held open: reads end with their own signals. */
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function layoutsOf(topics: Topics<TopicLayout>): ReadonlyMap<string, TopicLayout> {
  const named: readonly (readonly [string, TopicLayout])[] = isList(topics)
    ? topics.map((name) => [name, { partitions: 1 }])
    : Object.entries(topics);
  if (named.length === 0) throw new InvalidConfiguration('a memory log needs at least one topic');
  return new Map(named);
}

const isList = (topics: Topics<TopicLayout>): topics is readonly string[] => Array.isArray(topics);

function locate(broker: Broker, point: Point): Position {
  if (point === 'beginning') return broker.position((lane) => lane.markBeforeLast(lane.size));
  if (point === 'head') return broker.position((lane) => lane.markBeforeLast(0));
  if ('headLess' in point) return broker.position((lane) => lane.markBeforeLast(whole(point.headLess)));
  const time = point.time.getTime();
  if (Number.isNaN(time)) throw new InvalidConfiguration('locate was given an invalid Date');
  return broker.position((lane) => lane.markBeforeTime(time));
}

function whole(count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new InvalidConfiguration(`a whole number of records was expected, not ${count}`);
}

/** The result of synchronous work as a promise; what it throws is the rejection. */
async function promised<R>(signal: AbortSignal | undefined, work: () => R): Promise<R> {
  await Promise.resolve();
  signal?.throwIfAborted();
  return work();
}
