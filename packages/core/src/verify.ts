import { compareOffsets } from './offset';
import { type PartitionBounds, type Description } from './paged-log';
import { type Partition, partitionKey, samePartition, showPartition } from './partition';
import { type Position } from './position';
import { compareSources, epochOf, showSource } from './source';
import { type PartitionVerdict } from './transport';

/** Can this partition still be followed from where the position stands? The rule that every transport shares. */
export function judge(position: Position, log: Description, partition: Partition): PartitionVerdict {
  const bounds = log.partitions.find((p) => samePartition(p, partition));
  return verdictOf(position, log, partition, bounds);
}

/**
 * Judges every partition of these topics that the log has, and all that the position names. What it names of other topics was
 * followed once, under other names or by another log: nothing explains it now, and a new snapshot is needed.
 */
export function judgeAll(position: Position, log: Description, topics: readonly string[]): PartitionVerdict[] {
  const followed = log.partitions.filter(({ topic }) => topics.includes(topic));
  const bounds = new Map(followed.map((p) => [partitionKey(p), p]));
  const partitions = new Map<string, Partition>();
  for (const { topic, partition } of [...followed, ...position.offsets])
    partitions.set(partitionKey({ topic, partition }), { topic, partition });
  return [...partitions].map(([key, partition]) => verdictOf(position, log, partition, bounds.get(key)));
}

function verdictOf(
  position: Position,
  log: Description,
  partition: Partition,
  bounds: PartitionBounds | undefined,
): PartitionVerdict {
  const { verdict, why } = compared(position, log, partition, bounds);
  const { retentionMs } = bounds ?? {};
  return { partition, verdict, why: `${showPartition(partition)}: ${why}`, retentionMs };
}

function compared(
  { source, offsets }: Position,
  log: Description,
  partition: Partition,
  bounds: PartitionBounds | undefined,
): Omit<PartitionVerdict, 'partition'> {
  const identity = compareSources(source, log.source, partition.topic);
  if (identity === 'different') {
    const [was, is] = [epochOf(source, partition.topic), epochOf(log.source, partition.topic)];
    return was !== undefined && is !== undefined && was !== is
      ? { verdict: 'changed', why: `the position is of epoch ${was}, the topic now has epoch ${is}` }
      : { verdict: 'changed', why: `the position is of ${showSource(source)}, this log is ${showSource(log.source)}` };
  }
  if (bounds === undefined)
    return { verdict: 'unknown', why: 'the position names it; the log does not have it, or it is not followed' };
  const order = log.source.order;
  const through = offsets.through(partition);
  const at = offsets.has(partition) ? `at ${through}` : 'not in the position, so at its beginning';
  if (compareOffsets(order, through, bounds.trimmed) < 0)
    return { verdict: 'expired', why: `${at}; retention has removed everything through ${bounds.trimmed}` };
  if (compareOffsets(order, through, bounds.head) > 0 && through !== 'closed')
    return { verdict: 'ahead', why: `${at}; the log ends at ${bounds.head}` };
  return { verdict: 'ok', why: identity === 'same' ? at : `${at}; the log's identity can't be proven` };
}
