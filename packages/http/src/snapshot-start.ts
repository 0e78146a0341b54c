import { positionFromJson, type Snapshot, type SnapshotChunk, SnapshotRejected } from '@tidemark/core';
import { type RowsFrame, type StartFrame } from './snapshot-frames';
import { type CompleteLimits } from './snapshot-limits';

/** What a start frame tells. Throws `SnapshotRejected` or `MalformedPosition`, neither of them retryable. */
export function snapshotOf(
  start: StartFrame,
  { maxPartitions }: CompleteLimits,
  what: string,
): Omit<Snapshot, 'chunks'> {
  const { id, position, schema, scope, count, resumed } = start;
  const { partitions } = Object(position) as { partitions?: unknown };
  if (Array.isArray(partitions) && partitions.length > maxPartitions)
    throw new SnapshotRejected(`${what}: more partitions than limits.maxPartitions, ${maxPartitions}`, false);
  return { id, position: positionFromJson(position), schema, scope, count, resumed };
}

export function chunkOf({ topic, rows, tombstones, token }: RowsFrame): SnapshotChunk {
  return {
    topic,
    rows,
    tombstones: tombstones?.map(({ key, version }) => ({
      key,
      version: typeof version === 'string' ? BigInt(version) : version,
    })),
    token,
  };
}

/** Throws `SnapshotRejected`, not retryable, where a schema is expected and this isn't it. */
export function requireSchema(schema: string | undefined, expected: string | undefined, what: string): void {
  if (expected !== undefined && schema !== expected)
    throw new SnapshotRejected(
      `${what}: its rows are of schema ${show(schema)}; ${show(expected)} was expected`,
      false,
    );
}

const show = (schema: string | undefined): string => (schema === undefined ? '(none)' : JSON.stringify(schema));
