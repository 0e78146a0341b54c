import {
  before,
  beginning,
  decimal,
  type Description,
  InvalidConfiguration,
  type Offset,
  type PartitionBounds,
  type Source,
} from '@tidemark/core';
import { type JetStream, type StreamInfo } from './jetstream';
import { type StreamTopic } from './topics';

/**
 * The log as it is now. Identity is each stream's name and creation time: a standalone server has no stable name of its own, and sequences
 * alone begin anew with each stream. Rejects with `Unavailable`, and with `InvalidConfiguration` for a stream that reading would damage.
 */
export async function describe(js: JetStream, topics: readonly StreamTopic[]): Promise<Description> {
  const infos = await infosOf(js, topics);
  const partitions = topics.flatMap((topic) => {
    const info = infos.of(topic);
    requireReadable(topic, info);
    const { max_age: age } = info.config;
    const bounds = { trimmed: trimmed(topic, info), head: head(info), retentionMs: age > 0 ? age / 1e6 : undefined };
    return [...topic.partitions.keys()].map((partition): PartitionBounds => ({
      topic: topic.name,
      partition,
      ...bounds,
    }));
  });
  return { source: infos.source, partitions };
}

/** What the streams of some topics are, each asked once. */
export interface StreamInfos {
  readonly source: Source;
  of(topic: StreamTopic): StreamInfo;
}

export async function infosOf(js: JetStream, topics: readonly StreamTopic[]): Promise<StreamInfos> {
  const streams = [...new Set(topics.map(({ stream }) => stream))];
  const infos = new Map(await Promise.all(streams.map(async (name) => [name, await js.stream(name)] as const)));
  const of = ({ stream }: StreamTopic): StreamInfo => infos.get(stream) as StreamInfo;
  const epochs = Object.fromEntries(topics.map((topic) => [topic.name, of(topic).created]));
  return { source: { kind: 'nats', order: 'decimal', epochs }, of };
}

/** The last sequence that retention has removed. A compacted stream may lack any: that is its way. */
export const trimmed = ({ keeps }: StreamTopic, { state: { first_seq: first } }: StreamInfo): Offset =>
  keeps === 'compacted' || first <= 1 ? beginning : before(first);

/** The last sequence that was ever given. */
export const head = ({ state: { last_seq: last } }: StreamInfo): Offset => (last === 0 ? beginning : decimal(last));

/** Throws `InvalidConfiguration` for streams on which a follower would take messages away from others, or lose some in silence. */
export function requireReadable({ stream, keeps }: StreamTopic, { config }: StreamInfo): void {
  const { retention, discard, max_msgs: messages, max_bytes: bytes, max_age: age } = config;
  const refuse = (why: string): never => {
    throw new InvalidConfiguration(`stream ${stream} can't be followed: ${why}`);
  };
  if (retention !== 'limits')
    refuse(
      `its retention is "${retention}", which removes messages that others have consumed; follow a stream with "limits"`,
    );
  if (keeps === 'log' && config.max_msgs_per_subject > 0)
    refuse(
      'it keeps only the latest messages of each subject; if each carries the whole state of its key, say `keeps: "compacted"`',
    );
  const leavesMarkers = (config.subject_delete_marker_ttl ?? 0) > 0;
  if (config.allow_msg_ttl === true && !leavesMarkers)
    refuse('its messages may go one by one, without a word (allow_msg_ttl); set subject_delete_marker_ttl');
  if (keeps !== 'compacted') return;
  if (age > 0 && !leavesMarkers)
    refuse(
      'a compacted stream with a max_age forgets keys without a word; remove it, or set subject_delete_marker_ttl',
    );
  if (discard === 'old' && (messages > 0 || bytes > 0))
    refuse('a compacted stream with max_msgs or max_bytes forgets keys without a word; remove them, or discard "new"');
}
