import * as t from 'io-ts';
import { MalformedPosition, SourceMismatch, SyncError } from './errors';
import { before, beginning, closed, type Offset, offsetFrom, following } from './offset';
import { type Comparison, type Entry, OffsetMap } from './offset-map';
import { partitionKey, showPartition } from './partition';
import { compareSources, showSource, type Source } from './source';

/** The complete answer to "how far have you come": which log, and through which record of each partition. The paper's `tps`. */
export interface Position {
  readonly source: Source;
  readonly offsets: OffsetMap;
}

/** The position's JSON, version 1. */
export interface PositionJson {
  readonly v: 1;
  readonly source: Source;
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: string;
    readonly through: string;
    readonly witness?: string | undefined;
  }[];
}

/** Does `a` include everything that `b` does? Throws {@link SourceMismatch} for positions of different logs (I7). */
export function covers(a: Position, b: Position): boolean {
  requireSameSource(a, b);
  return a.offsets.covers(b.offsets);
}

/** `before`, `equal`, `after` or `concurrent`. Throws {@link SourceMismatch} for positions of different logs (I7). */
export function comparePositions(a: Position, b: Position): Comparison {
  requireSameSource(a, b);
  return a.offsets.compare(b.offsets);
}

/** The least position that covers both. Throws {@link SourceMismatch} for positions of different logs (I7). */
export function joinPositions(a: Position, b: Position): Position {
  requireSameSource(a, b);
  const epochs = Object.fromEntries([...Object.entries(b.source.epochs), ...Object.entries(a.source.epochs)]);
  return {
    source: { ...a.source, cluster: a.source.cluster ?? b.source.cluster, epochs },
    offsets: a.offsets.join(b.offsets),
  };
}

function requireSameSource(a: Position, b: Position): void {
  const topics = new Set([...a.offsets, ...b.offsets].map((entry) => entry.topic));
  const differing = [...topics].find((topic) => compareSources(a.source, b.source, topic) === 'different');
  if (differing === undefined && a.source.kind === b.source.kind && a.source.order === b.source.order) return;
  throw new SourceMismatch(
    `positions of different logs can't be compared: ${showSource(a.source)} and ${showSource(b.source)}` +
      (differing === undefined ? '' : `; they differ at topic ${differing}`),
  );
}

// ── JSON ─────────────────────────────────────────────────────────────────────

const SourceJson = t.intersection([
  t.type({
    kind: t.string,
    order: t.union([t.literal('decimal'), t.literal('lexical')]),
    epochs: t.record(t.string, t.string),
  }),
  t.partial({ cluster: t.string }),
]);

const EntryJson = t.intersection([
  t.type({ topic: t.string, partition: t.string, through: t.string }),
  t.partial({ witness: t.string }),
]);

const PositionShape = t.type({ v: t.literal(1), source: SourceJson, partitions: t.array(EntryJson) });

/** io-ts codec between a position and its versioned JSON value. */
export const PositionCodec = new t.Type<Position, PositionJson, unknown>(
  'Position',
  (u): u is Position => typeof u === 'object' && u !== null && 'offsets' in u && u.offsets instanceof OffsetMap,
  (u, context) => {
    try {
      return t.success(positionFromJson(u));
    } catch (error) {
      return t.failure(u, context, error instanceof SyncError ? error.message : undefined);
    }
  },
  positionToJson,
);

export function positionToJson(position: Position): PositionJson {
  const { kind, order, cluster, epochs } = position.source;
  return {
    v: 1,
    source: { kind, order, ...(cluster === undefined ? {} : { cluster }), epochs },
    partitions: [...position.offsets].map(({ topic, partition, through, witness }) => ({
      topic,
      partition,
      through,
      ...(witness === undefined ? {} : { witness }),
    })),
  };
}

/** Throws {@link MalformedPosition}: not an object of version 1, an offset of the wrong form, a partition named twice. */
export function positionFromJson(json: unknown): Position {
  if (!PositionShape.is(json)) throw new MalformedPosition(whatIsWrong(json));
  const { kind, order, cluster, epochs } = json.source;
  const seen = new Set<string>();
  const offsets = OffsetMap.from(
    order,
    json.partitions.map(({ topic, partition, through, witness }) => {
      const key = partitionKey({ topic, partition });
      if (seen.has(key)) throw new MalformedPosition(`partition ${showPartition({ topic, partition })} is named twice`);
      seen.add(key);
      return { topic, partition, through: offsetFrom(order, through), witness };
    }),
  );
  return { source: { kind, order, cluster, epochs: Object.fromEntries(Object.entries(epochs)) }, offsets };
}

function whatIsWrong(json: unknown): string {
  if (typeof json !== 'object' || json === null) return 'a position is a JSON object';
  if (!('v' in json) || json.v !== 1)
    return 'a position of version 1 was expected; a newer Tidemark may have written this one';
  return 'a position is { v: 1, source: { kind, order, epochs }, partitions: [{ topic, partition, through }] }';
}

// ── token ────────────────────────────────────────────────────────────────────

/** A position as one token that is safe in HTTP headers and URLs (base64url of its JSON). */
export const toToken = (position: Position): string =>
  Buffer.from(JSON.stringify(positionToJson(position)), 'utf8').toString('base64url');

/** The position of a token. Throws {@link MalformedPosition}. */
export function fromToken(token: string): Position {
  if (!/^[A-Za-z0-9_-]+$/.test(token)) throw new MalformedPosition('a position token is base64url text');
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch (cause) {
    throw new MalformedPosition('a position token holds JSON; this one is cut off or something else', { cause });
  }
  return positionFromJson(json);
}

// ── the paper's tps ──────────────────────────────────────────────────────────

/** One entry of the paper's Figure 3: `{ topic, partition, offset }`. */
export interface Tps {
  readonly topic: string;
  readonly partition: string | number;
  readonly offset: string | number;
}

/** Does `offset` name the first record to read (`next`, what Kafka clients write) or the last one included (`last`)? */
export type TpsMeaning = 'next' | 'last';

const TpsShape = t.array(
  t.type({
    topic: t.string,
    partition: t.union([t.string, t.number]),
    offset: t.union([t.string, t.number]),
  }),
);

/**
 * The offset map of a plain `tps`. Offsets are decimal; numbers beyond 2^53 were already rounded by JSON.parse and are
 * refused. Throws {@link MalformedPosition}.
 */
export function offsetsFromTps(tps: unknown, meaning: TpsMeaning = 'next'): OffsetMap {
  if (!TpsShape.is(tps)) throw new MalformedPosition('tps is an array of { topic, partition, offset }');
  const entries = new Map<string, Entry>();
  for (const { topic, partition, offset } of tps) {
    if (typeof partition === 'number' && !Number.isSafeInteger(partition))
      throw new MalformedPosition(`tps names partition ${String(partition)} of ${topic}, which isn't a whole number`);
    const at = { topic, partition: String(partition) };
    if (entries.has(partitionKey(at))) throw new MalformedPosition(`tps names ${showPartition(at)} twice`);
    entries.set(partitionKey(at), { ...at, through: meaning === 'next' ? before(offset) : lastOf(offset) });
  }
  return OffsetMap.from('decimal', entries.values());
}

const lastOf = (offset: string | number): Offset =>
  typeof offset === 'string' ? offsetFrom('decimal', offset) : offsetFrom('decimal', following(before(offset)));

/** The plain `tps` of a position with decimal offsets. Throws {@link MalformedPosition} where `tps` has no form for it. */
export function offsetsToTps(offsets: OffsetMap, meaning: TpsMeaning = 'next'): Tps[] {
  if (offsets.order !== 'decimal') throw new MalformedPosition('tps holds decimal offsets only');
  return [...offsets].flatMap(({ topic, partition, through }) => {
    if (through === closed)
      throw new MalformedPosition(`tps can't say that ${showPartition({ topic, partition })} is closed`);
    if (meaning === 'next') return [{ topic, partition, offset: following(through) }];
    return through === beginning ? [] : [{ topic, partition, offset: through }];
  });
}
