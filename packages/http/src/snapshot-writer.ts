import { createHash } from 'node:crypto';
import { orAborted, positionToJson, type Snapshot, type SnapshotChunk } from '@tidemark/core';
import { type RowsFrame, type SnapshotFrame, type StartFrame } from './snapshot-frames';

/** Characters of a frame, about; a chunk that makes a longer one is halved until each half is shorter, or a single row. */
const frameChars = 1_000_000;

/**
 * The frames of a snapshot, as bytes. `chunks` is the snapshot's iteration, held by the caller: who must end it when this
 * doesn't come to its end.
 */
export async function* writeSnapshot(
  snapshot: Snapshot,
  chunks: AsyncIterator<SnapshotChunk>,
  schema: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const digest = createHash('sha256');
  const hashed = (text: string): Buffer => {
    const bytes = Buffer.from(text);
    digest.update(bytes);
    return bytes;
  };
  let rows = 0;
  yield hashed(line(startOf(snapshot, schema)));
  for (;;) {
    signal.throwIfAborted();
    const next = await orAborted(chunks.next(), signal);
    if (next.done === true) break;
    rows += next.value.rows.length;
    for (const text of rowsOf(next.value)) yield hashed(text);
  }
  yield Buffer.from(line({ type: 'end', rows, digest: digest.digest('hex') }));
}

const line = (frame: SnapshotFrame): string => `${JSON.stringify(frame)}\n`;

const startOf = (snapshot: Snapshot, schema: string | undefined): StartFrame => ({
  type: 'start',
  v: 1,
  id: snapshot.id,
  position: positionToJson(snapshot.position),
  schema: schema ?? snapshot.schema,
  scope: snapshot.scope,
  count: snapshot.count,
  resumed: snapshot.resumed,
});

/** The tombstones and the token stand with the chunk's last rows: until then the chunk isn't had. */
function* rowsOf({ topic, rows, tombstones, token }: SnapshotChunk): Generator<string, void, undefined> {
  const frame: RowsFrame = {
    type: 'rows',
    topic,
    rows,
    tombstones: tombstones?.map(({ key, version }) => ({
      key,
      version: typeof version === 'bigint' ? version.toString() : version,
    })),
    token,
  };
  const text = line(frame);
  if (text.length <= frameChars || rows.length < 2) {
    yield text;
    return;
  }
  const half = rows.length >> 1;
  yield* rowsOf({ topic, rows: rows.slice(0, half) });
  yield* rowsOf({ topic, rows: rows.slice(half), tombstones, token });
}
