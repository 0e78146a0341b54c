import { compareOffsets, compareSources, type Position, SnapshotTooOld } from '@tidemark/core';

/**
 * Throws `SnapshotTooOld` for a position below the floor. Partitions whose offsets are of another log don't count here: who asked
 * knows what it follows, and judges.
 */
export function requireNotOlder({ source, offsets }: Position, floor: Position | undefined): void {
  for (const { topic, partition, through } of floor?.offsets ?? []) {
    if (floor === undefined || compareSources(source, floor.source, topic) === 'different') continue;
    const at = offsets.through({ topic, partition });
    if (compareOffsets(source.order, at, through) < 0)
      throw new SnapshotTooOld(`the snapshot has come to ${at} in ${topic}/${partition}, not to ${through}`);
  }
}
