import {
  compareOffsets,
  compareSources,
  orAborted,
  type Position,
  type Snapshot,
  type SnapshotChunk,
  SnapshotRejected,
  type SnapshotRequest,
  type SnapshotSource,
  SnapshotTooOld,
  type TopicOf,
  type Topics,
} from '@tidemark/core';
import { randomUUID } from 'node:crypto';
import { type Connecting, Link } from './connection';
import { Disturbed } from './consumer';
import { JetStream } from './jetstream';
import { LatestMessages } from './latest-messages';
import { capture } from './snapshot-place';
import { type NatsRow, rowReader, type RowReader } from './snapshot-rows';
import { type NatsTopic, type StreamTopics, streamTopics } from './topics';

export interface NatsSnapshotOptions<N> {
  /** As natsLog's: a connection that stays yours, or a function that makes one, which is closed with the source. */
  readonly connection: Connecting;
  /** The same as the log's that follows: the position names them so. */
  readonly topics: N;
  /** Bytes → row; unless given JSON, in which the key `__proto__` is refused. Values of a KV bucket rarely hold their key: add it here. */
  readonly parse?: ((value: Uint8Array, row: NatsRow<TopicOf<N>>) => unknown) | undefined;
}

/**
 * The latest message of each subject as a snapshot, for streams that hold a message of every key there is: KV buckets and other
 * `compacted` ones, and streams that keep everything and have the key in the subject. It ends explicitly, also when there is none, and a
 * `natsLog` of the same topics goes on from exactly its position. Deletions are no rows.
 *
 * The position is taken before the first row is read: rows may be newer than it, and come again as updates. What was removed by hand
 * before the snapshot began, nobody can tell. A stream that is purged, deleted or created anew, or a connection that is lost while it is
 * read, rejects it: a new one can be taken.
 *
 * `open` and the iteration of `chunks` throw: `Unavailable`; `SnapshotRejected`, retryable where it was disturbed, not where a part
 * (`scope`) was asked for; `SnapshotTooOld`; `DecodeFailed`; `ConnectionEnded`; the signal's reason; and `InvalidConfiguration` where the
 * stream forgets keys by itself (max_age, max_msgs, max_bytes), or has several messages of a key and its server is older than 2.10.
 *
 * @example
 * const topics = { settings: { stream: 'KV_settings', subjects: ['$KV.settings.>'], keeps: 'compacted' } } as const;
 * snapshotThenSubscribe({ snapshot: natsSnapshot({ connection, topics }), transport: natsLog({ connection, topics }), … })
 */
export function natsSnapshot<const N extends Topics<NatsTopic>>(
  options: NatsSnapshotOptions<N>,
): SnapshotSource & AsyncDisposable {
  const topics = streamTopics(options.topics);
  const link = new Link(options.connection);
  const rows = rowReader(topics, options.parse);
  return {
    open: (request) => open(new JetStream(link), topics, rows, request),
    [Symbol.asyncDispose]: () => link.close(),
  };
}

async function open<T extends string>(
  js: JetStream,
  { byName }: StreamTopics<T>,
  rows: RowReader,
  { notOlderThan, scope, signal }: SnapshotRequest,
): Promise<Snapshot> {
  signal.throwIfAborted();
  if (scope !== undefined)
    throw new SnapshotRejected(
      'a snapshot of NATS streams has no parts: leave `scope` out, or name fewer `subjects` in the topics',
      false,
    );
  const { position, places } = await orAborted(capture(js, [...byName.values()]), signal);
  requireNotOlder(position, notOlderThan);
  const parts = places.map((place) => new LatestMessages(js, place));
  return { id: randomUUID(), position, chunks: chunks(parts, rows, signal) };
}

async function* chunks(
  parts: readonly LatestMessages[],
  rows: RowReader,
  signal: AbortSignal,
): AsyncGenerator<SnapshotChunk, void, undefined> {
  for (const part of parts)
    try {
      for await (const messages of part.read(signal)) {
        const chunk = rows(part.name, messages);
        if (chunk.rows.length > 0) yield chunk;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof Disturbed ? await part.cutOff(error) : error;
    }
  for (const part of parts) await part.verify();
  signal.throwIfAborted();
}

/** A floor of another stream of the same name can't be compared: whoever asked finds that out. */
function requireNotOlder({ source, offsets }: Position, floor: Position | undefined): void {
  for (const { topic, partition, through } of floor?.offsets ?? []) {
    if (floor === undefined || compareSources(source, floor.source, topic) === 'different') continue;
    const at = offsets.through({ topic, partition });
    if (compareOffsets('decimal', at, through) < 0)
      throw new SnapshotTooOld(
        `${topic}/${partition} has come to ${at}, and a snapshot from ${through} on was asked for`,
      );
  }
}
