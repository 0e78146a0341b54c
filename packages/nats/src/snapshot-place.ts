import { type Entry, InvalidConfiguration, OffsetMap, type Position } from '@tidemark/core';
import { isBefore210 } from './connection';
import { head, infosOf, requireReadable } from './description';
import { type JetStream, type StreamInfo } from './jetstream';
import { type SubjectPattern } from './subject-pattern';
import { keysOf, type StreamTopic } from './topics';
import { witnessAt } from './witness';

/** A partition whose latest messages are a part of the snapshot, and its stream when the position was taken. */
export interface SnapshotPlace {
  readonly topic: StreamTopic;
  readonly partition: string;
  /** None: the whole stream. */
  readonly filters: readonly SubjectPattern[];
  readonly keys: readonly SubjectPattern[];
  readonly info: StreamInfo;
}

export interface Captured {
  readonly position: Position;
  readonly places: readonly SnapshotPlace[];
}

/** Where the streams end, each with the proof of its last message where that is still there. Nothing is read before it. */
export async function capture(js: JetStream, topics: readonly StreamTopic[]): Promise<Captured> {
  const infos = await infosOf(js, topics);
  const version = (await js.link.connection()).info?.version ?? '';
  const places = topics.flatMap((topic) => {
    const info = infos.of(topic);
    requireWhole(topic, info, version);
    return [...topic.partitions].map(([partition, filters]): SnapshotPlace => {
      return { topic, partition, filters, keys: keysOf(topic, filters, info), info };
    });
  });
  const entries = await Promise.all(places.map((place) => entry(js, place)));
  return { position: { source: infos.source, offsets: OffsetMap.from('decimal', entries) }, places };
}

async function entry(js: JetStream, { topic, partition, keys, info }: SnapshotPlace): Promise<Entry> {
  const through = head(info);
  return { topic: topic.name, partition, through, witness: await witnessAt(js, topic.stream, through, keys) };
}

/** Does each subject have one message at most, so that all of them are the latest? */
export const keepsOneEach = ({ config }: StreamInfo): boolean => config.max_msgs_per_subject === 1;

/** Throws `InvalidConfiguration` for streams that forget keys by themselves: no snapshot of these is whole. */
function requireWhole(topic: StreamTopic, info: StreamInfo, version: string): void {
  requireReadable(topic, info);
  const { config } = info;
  const refuse = (why: string): never => {
    throw new InvalidConfiguration(`stream ${topic.stream} has no whole snapshot: ${why}`);
  };
  if (topic.keeps === 'log' && config.max_age > 0)
    refuse('with a max_age it forgets keys that were not written for long; take the snapshot from elsewhere');
  if (config.discard === 'old' && (config.max_msgs > 0 || config.max_bytes > 0))
    refuse('with max_msgs or max_bytes it forgets keys that were not written for long; remove them, or discard "new"');
  if (topic.keeps === 'compacted' && !keepsOneEach(info) && isBefore210(version))
    refuse(
      `it keeps several messages of each subject, and this server (${version}) may confuse them; NATS 2.10 doesn't, or set max_msgs_per_subject (a bucket's history) to 1`,
    );
}

/** So long a marker tells that a message went by its age, in milliseconds; 0: there are none. */
export const markerMs = ({ config }: StreamInfo): number => (config.subject_delete_marker_ttl ?? 0) / 1e6;
