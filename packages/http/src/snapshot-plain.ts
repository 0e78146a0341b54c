import { randomUUID } from 'node:crypto';
import {
  holdsProtoKey,
  offsetsFromTps,
  type Snapshot,
  type SnapshotChunk,
  SnapshotRejected,
  SyncError,
  type TpsMeaning,
  untold,
} from '@tidemark/core';
import { type CompleteLimits } from './snapshot-limits';

/** How the rows stand in a plain document's body: one topic's rows, or rows by topic. */
export type PlainRows = readonly unknown[] | Readonly<Record<string, readonly unknown[]>>;

export interface PlainOptions {
  /** Does an offset name the record to read next, or the last one included? */
  readonly tps: TpsMeaning;
  readonly rowsOf: (body: unknown) => PlainRows;
}

/** Rows a chunk, at most. */
const chunkRows = 500;

/**
 * The paper's plain form (Figure 3), one document: `{ "tps": [{ "topic", "partition", "offset" }], "body": … }`. It is held in
 * memory whole. It doesn't tell its source, so its position can be adopted at a first bootstrap only.
 */
export async function readPlain(
  body: AsyncIterable<Buffer>,
  { tps, rowsOf }: PlainOptions,
  limits: CompleteLimits,
  what: string,
): Promise<Snapshot> {
  const document = parse(await textOf(body, limits.maxFrameBytes, what), what);
  if (Array.isArray(document.tps) && document.tps.length > limits.maxPartitions)
    throw new SnapshotRejected(`${what}: more partitions than limits.maxPartitions, ${limits.maxPartitions}`, false);
  const offsets = offsetsFromTps(document.tps, tps);
  const byTopic = sorted(rowsOf, document.body, what);
  const count = byTopic.reduce((sum, [, rows]) => sum + rows.length, 0);
  if (count > limits.maxRows)
    throw new SnapshotRejected(`${what}: more rows than limits.maxRows, ${limits.maxRows}`, false);
  const position = { source: { kind: untold, order: offsets.order, epochs: {} }, offsets };
  return { id: randomUUID(), position, count, chunks: chunksOf(byTopic) };
}

/** The body is rows, or an object of topic → rows. Throws a `TypeError` otherwise. */
export function rowsOfBody(body: unknown): PlainRows {
  const rows = typeof body === 'object' && body !== null && Object.values(body).every(Array.isArray);
  if (Array.isArray(body) || rows) return body as PlainRows;
  throw new TypeError('the body is neither an array of rows nor an object of such arrays');
}

async function textOf(body: AsyncIterable<Buffer>, maxBytes: number, what: string): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > maxBytes)
      throw new SnapshotRejected(
        `${what}: the document is longer than limits.maxFrameBytes, ${maxBytes}; A should serve frames`,
        false,
      );
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parse(text: string, what: string): { readonly tps: unknown; readonly body: unknown } {
  if (holdsProtoKey(text))
    throw new SnapshotRejected(`${what}: an object has the key __proto__, which is refused`, false);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new SnapshotRejected(`${what}: cut off, or not JSON, after ${text.length} characters`, true);
  }
  if (typeof document === 'object' && document !== null && 'tps' in document && 'body' in document) return document;
  throw new SnapshotRejected(`${what}: a JSON snapshot is { "tps": […], "body": … }`, false);
}

type TopicRows = readonly [topic: string | undefined, rows: readonly unknown[]];

function sorted(rowsOf: PlainOptions['rowsOf'], body: unknown, what: string): TopicRows[] {
  try {
    const rows = rowsOf(body);
    return isRows(rows) ? [[undefined, rows]] : Object.entries(rows);
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw new SnapshotRejected(`${what}: no rows were found in its body; see the option \`rowsOf\``, false, { cause });
  }
}

const isRows = (rows: PlainRows): rows is readonly unknown[] => Array.isArray(rows);

async function* chunksOf(byTopic: readonly TopicRows[]): AsyncGenerator<SnapshotChunk, void, undefined> {
  for (const [topic, rows] of byTopic)
    for (let from = 0; from < rows.length; from += chunkRows)
      yield await Promise.resolve({ topic, rows: rows.slice(from, from + chunkRows) });
}
