import {
  decimal,
  OffsetMap,
  type Position,
  type Snapshot,
  type SnapshotChunk,
  type SnapshotRequest,
  type SnapshotSource,
} from '@tidemark/core';

/** A position of `topic/0`. */
export const positionAt = (through: number, epoch = 'e1'): Position => ({
  source: { kind: 'memory', order: 'decimal', cluster: 'c', epochs: { 'y.assignments': epoch } },
  offsets: OffsetMap.empty('decimal').with({ topic: 'y.assignments', partition: '0' }, { through: decimal(through) }),
});

export interface Scripted extends SnapshotSource {
  readonly requests: SnapshotRequest[];
  /** Chunks handed out so far. */
  produced: number;
  /** Iterations that were broken off. */
  ended: number;
}

/** A source whose chunks a generator makes; it counts what happens to it. */
export function scripted(
  chunks: (request: SnapshotRequest) => Iterable<SnapshotChunk> | AsyncIterable<SnapshotChunk>,
  head: Partial<Snapshot> | ((request: SnapshotRequest) => Partial<Snapshot>) = {},
): Scripted {
  const source: Scripted = {
    requests: [],
    produced: 0,
    ended: 0,
    async open(request) {
      source.requests.push(request);
      return {
        id: 's1',
        position: positionAt(41),
        scope: request.scope,
        ...(typeof head === 'function' ? head(request) : head),
        chunks: counted(source, chunks(request)),
      };
    },
  };
  return source;
}

async function* counted(
  source: Scripted,
  chunks: Iterable<SnapshotChunk> | AsyncIterable<SnapshotChunk>,
): AsyncGenerator<SnapshotChunk, void, undefined> {
  let whole = false;
  try {
    for await (const chunk of chunks) {
      source.produced++;
      yield chunk;
    }
    whole = true;
  } finally {
    if (!whole) source.ended++;
  }
}

/** `count` rows in chunks of `size`. */
export function* rowsInChunks(count: number, size = 500): Generator<SnapshotChunk, void, undefined> {
  for (let from = 0; from < count; from += size)
    yield {
      topic: 'assignments',
      rows: Array.from({ length: Math.min(size, count - from) }, (_, i) => ({
        id: `a${from + i}`,
        assignee: 'Žofie',
        percent: (from + i) % 101,
        version: 1,
      })),
    };
}

/** Everything of a snapshot, its chunks flattened. */
export async function drain(snapshot: Snapshot): Promise<{ rows: unknown[]; chunks: SnapshotChunk[] }> {
  const chunks: SnapshotChunk[] = [];
  for await (const chunk of snapshot.chunks) chunks.push(chunk);
  return { rows: chunks.flatMap((chunk) => chunk.rows), chunks };
}

/** Opens and drains. */
export async function take(source: SnapshotSource, request: Partial<SnapshotRequest> = {}) {
  const snapshot = await source.open({ signal: new AbortController().signal, ...request });
  return { snapshot, ...(await drain(snapshot)) };
}
