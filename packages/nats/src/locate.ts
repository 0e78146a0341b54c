import {
  before,
  beginning,
  compareOffsets,
  decimal,
  type Entry,
  InvalidConfiguration,
  type Offset,
  OffsetMap,
  type Point,
  type Position,
} from '@tidemark/core';
import { Consumer } from './consumer';
import { head, infosOf, requireReadable } from './description';
import { type JetStream, type StreamInfo } from './jetstream';
import { type SubjectPattern } from './subject-pattern';
import { keysOf, type StreamTopic } from './topics';
import { witnessAt } from './witness';

interface Place {
  readonly topic: StreamTopic;
  readonly partition: string;
  readonly filters: readonly SubjectPattern[];
  readonly info: StreamInfo;
}

/** The marks of a point, each with a witness where its message is still there. `headLess` counts all messages of a stream. */
export async function locate(
  js: JetStream,
  topics: readonly StreamTopic[],
  point: Point,
  signal: AbortSignal,
): Promise<Position> {
  const infos = await infosOf(js, topics);
  const places = topics.flatMap((topic) =>
    [...topic.partitions].map(([partition, filters]): Place => ({ topic, partition, filters, info: infos.of(topic) })),
  );
  const entries = await Promise.all(places.map((place) => entry(js, place, point, signal)));
  return { source: infos.source, offsets: OffsetMap.from('decimal', entries) };
}

async function entry(js: JetStream, place: Place, point: Point, signal: AbortSignal): Promise<Entry> {
  const { topic, partition, filters, info } = place;
  requireReadable(topic, info);
  const through = await throughOf(js, place, point, signal);
  const witness = await witnessAt(js, topic.stream, through, keysOf(topic, filters, info));
  return { topic: topic.name, partition, through, witness };
}

async function throughOf(js: JetStream, place: Place, point: Point, signal: AbortSignal): Promise<Offset> {
  const { info } = place;
  const { first_seq: first, last_seq: last } = info.state;
  const lowest = first <= 1 ? beginning : before(first);
  if (point === 'beginning') return lowest;
  if (point === 'head') return head(info);
  if ('time' in point) return (await beforeTime(js, place, point.time, signal)) ?? head(info);
  const less = whole(point.headLess);
  const wanted = last > less ? decimal(last - less) : beginning;
  return compareOffsets('decimal', wanted, lowest) < 0 ? lowest : wanted;
}

/** `undefined`: no message is dated then or later. */
async function beforeTime(
  js: JetStream,
  { topic, filters }: Place,
  time: Date,
  signal: AbortSignal,
): Promise<Offset | undefined> {
  if (Number.isNaN(time.getTime())) throw new InvalidConfiguration('locate was given an invalid Date');
  const start = { deliver_policy: 'by_start_time', opt_start_time: time.toISOString() } as const;
  const consumer = await Consumer.open(js, topic.stream, { filters, keys: [] }, start, {
    batch: 1,
    maxBytes: 0,
    expiresMs: 0,
  });
  try {
    const [first] = (await consumer.pull({ wait: false, signal })).messages;
    if (first === undefined) return undefined;
    const through = before(first.record.offset);
    return through === '0' ? beginning : through;
  } finally {
    consumer.close();
  }
}

function whole(count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new InvalidConfiguration(`a whole number of records was expected, not ${count}`);
}
