import {
  before,
  beginning,
  compareOffsets,
  decimal,
  type Entry,
  InvalidConfiguration,
  type Offset,
  OffsetMap,
  type Partition,
  type Point,
  type Position,
  type Source,
} from '@tidemark/core';
import { type Cluster } from 'kafkajs';
import { asking } from './cluster';
import { endsOf, partitionsOf } from './description';
import { recordsAfter } from './fetched-page';
import { type Fetcher, outOfRange } from './fetcher';

/** Where the log is read and what its topics are called there. */
export interface Located {
  readonly cluster: Cluster;
  readonly fetcher: Fetcher;
  readonly topics: readonly string[];
  readonly source: Source;
}

/** The marks of a point, each with a witness where the record can still be read and is a record (no transaction's marker). */
export async function locate(log: Located, point: Point, signal: AbortSignal): Promise<Position> {
  const what = `Kafka can't be asked for a place in ${log.topics.join(', ')}`;
  const nexts = await asking(log.cluster, what, () => nextOffsets(log, point));
  const entries = await Promise.all(nexts.map((next) => marked(log, next, signal)));
  return { source: log.source, offsets: OffsetMap.from('decimal', entries) };
}

interface Next extends Partition {
  /** Reading begins here. */
  readonly next: Offset;
  /** The first record that is left. */
  readonly low: Offset;
}

async function nextOffsets({ cluster, topics }: Located, point: Point): Promise<readonly Next[]> {
  const [heads, lows] = [await endsOf(cluster, topics, false), await endsOf(cluster, topics, true)];
  const times = typeof point === 'object' && 'time' in point ? await atTime(cluster, topics, point.time) : undefined;
  const less = typeof point === 'object' && 'headLess' in point ? whole(point.headLess) : 0n;
  return [...heads].flatMap(([topic, ends]) =>
    [...ends].map(([partition, head]): Next => {
      const low = decimal(lows.get(topic)?.get(partition) ?? '0');
      const timed = times?.get(topic)?.get(partition);
      const wanted = point === 'beginning' ? low : timed !== undefined ? decimal(timed) : lessThan(head, less);
      const next = compareOffsets('decimal', wanted, low) < 0 ? low : wanted;
      return { topic, partition: String(partition), next, low };
    }),
  );
}

const lessThan = (head: string, less: bigint): Offset => decimal(BigInt(head) > less ? BigInt(head) - less : 0n);

/** Topic → partition → the first record dated `time` or later; none where there is no such record. */
async function atTime(cluster: Cluster, topics: readonly string[], time: Date) {
  const fromTimestamp = time.getTime();
  if (Number.isNaN(fromTimestamp)) throw new InvalidConfiguration('locate was given an invalid Date');
  const asked = topics.map((topic) => ({ topic, partitions: partitionsOf(cluster, topic), fromTimestamp }));
  const answered = await cluster.fetchTopicsOffset(asked);
  return new Map(
    answered.map(({ topic, partitions }) => [
      topic,
      new Map(partitions.flatMap(({ partition, offset }) => (offset.startsWith('-') ? [] : [[partition, offset]]))),
    ]),
  );
}

async function marked(
  { fetcher }: Located,
  { topic, partition, next, low }: Next,
  signal: AbortSignal,
): Promise<Entry> {
  const through = before(next);
  if (through === beginning || compareOffsets('decimal', through, low) < 0) return { topic, partition, through };
  const fetched = await fetcher.fetch({ topic, partition }, through, { wait: false, signal });
  const witness = fetched === outOfRange ? undefined : recordsAfter(through, fetched).witness;
  return { topic, partition, through, witness };
}

function whole(count: number): bigint {
  if (Number.isSafeInteger(count) && count >= 0) return BigInt(count);
  throw new InvalidConfiguration(`a whole number of records was expected, not ${count}`);
}
