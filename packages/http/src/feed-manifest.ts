import { type Description, type Position, positionFromJson, SyncError, TransportFault } from '@tidemark/core';

/** What a feed's base URL tells: which log this is, its topics, and how far its partitions reach. */
export interface FeedManifest extends Description {
  /** The application's topic name, which is also the one in URLs → the log's name. */
  readonly topics: ReadonlyMap<string, string>;
}

/** The name of the format, and its version: raised when an older reader would misunderstand. */
const format = 'tidemark-feed';
const version = 1;

/** More partitions than this are refused: nobody follows so many over one feed. */
const maxPartitions = 10_000;

/** docs/spec/feed.md, section 2. Offsets are native here, not tokens. */
export function manifestText(topics: Readonly<Record<string, string>>, { source, partitions }: Description): string {
  const { kind, order, cluster, epochs } = source;
  return JSON.stringify({
    format,
    version,
    source: { kind, order, cluster, epochs },
    topics,
    partitions: partitions.map(({ topic, partition, trimmed, head, retentionMs }) => {
      return { topic, partition, trimmed, head, retentionMs };
    }),
  });
}

/** Throws {@link TransportFault} unless this is a manifest of version 1. `where` is the URL, for the message. */
export function parseManifest(json: unknown, where: string): FeedManifest {
  const fault = (what: string, cause?: unknown) =>
    new TransportFault(`the feed's manifest at ${where} ${what}`, { cause });
  const { format: form, version: is, source, topics, partitions } = members(json);
  if (form !== format) throw fault('is something else; give the base URL of what serveFeed serves');
  if (is !== version) throw fault('has another version; a newer Tidemark may be serving it');
  if (typeof topics !== 'object' || topics === null) throw fault('has no topics');
  if (!Array.isArray(partitions)) throw fault('has no partitions');
  if (partitions.length > maxPartitions) throw fault(`lists more than ${maxPartitions} partitions`);
  try {
    const trimmed = bounds(source, partitions, 'trimmed').offsets;
    const head = bounds(source, partitions, 'head');
    const retentions = partitions.map(retentionOf); // each is named once, so they are in the same order
    return {
      source: head.source,
      topics: new Map(Object.entries(topics).map(([topic, name]) => [topic, String(name)])),
      partitions: [...head.offsets].map(({ topic, partition, through }, i) => {
        const retentionMs = retentions[i];
        return { topic, partition, trimmed: trimmed.through({ topic, partition }), head: through, retentionMs };
      }),
    };
  } catch (cause) {
    throw fault(`is malformed: ${cause instanceof SyncError ? cause.message : 'it has another shape'}`, cause);
  }
}

/** One bound of each partition, checked as the partitions of a position are. */
function bounds(source: unknown, partitions: readonly unknown[], bound: 'trimmed' | 'head'): Position {
  return positionFromJson({
    v: 1,
    source,
    partitions: partitions.map((p) => {
      const { topic, partition, [bound]: through } = p as Readonly<Record<string, unknown>>;
      return { topic, partition, through };
    }),
  });
}

/** Throws {@link TransportFault} for what is no duration. */
function retentionOf(partition: unknown): number | undefined {
  const { retentionMs } = partition as { readonly retentionMs?: unknown };
  if (retentionMs === undefined || retentionMs === null) return undefined;
  if (typeof retentionMs === 'number' && retentionMs >= 0) return retentionMs;
  throw new TransportFault('a `retentionMs` is a number of milliseconds, 0 or more');
}

/** The members of a JSON object; none for anything else. */
const members = (json: unknown): Readonly<Record<string, unknown>> =>
  typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
