import { InvalidConfiguration, type Partition, type TopicOf, type Topics } from '@tidemark/core';
import { type StreamInfo } from './jetstream';
import { SubjectPattern } from './subject-pattern';

/** What a topic is in JetStream: a stream, or some subjects of one. */
export interface NatsTopic {
  readonly stream: string;
  /** Which of its subjects are read, as one partition; all of them unless given. More than one needs server 2.10. */
  readonly subjects?: readonly string[] | undefined;
  /**
   * Subjects that are a partition each, read side by side: `['y.0.>', 'y.1.>']` of a stream whose `subject_transform` divides the keys by
   * `{{partition(2,1)}}`. Not together with `subjects`.
   */
  readonly partitions?: readonly string[] | undefined;
  /**
   * Where `publish` writes: a subject that ends with a wildcard, in the place of the key. Default: the first of `subjects`, or of the
   * stream's own.
   */
  readonly publishTo?: string | undefined;
  /**
   * `log` (the default): the stream keeps all messages until retention removes the oldest. `compacted`: it keeps the latest ones of
   * each subject (`max_msgs_per_subject`, a KV bucket), so messages may be missing anywhere, and each must carry its key's whole state.
   */
  readonly keeps?: 'log' | 'compacted' | undefined;
}

/** A topic as the log has it. */
export interface StreamTopic {
  /** The log's name for it, in positions: the stream's, with the subjects where only some are read. */
  readonly name: string;
  readonly stream: string;
  readonly keeps: 'log' | 'compacted';
  /** Partition → its filters; none: the whole stream. */
  readonly partitions: ReadonlyMap<string, readonly SubjectPattern[]>;
  readonly publishTo: SubjectPattern | undefined;
}

export interface StreamTopics<T extends string> {
  /** The application's name → the log's. */
  readonly names: { readonly [N in T]: string };
  /** By the log's name. */
  readonly byName: ReadonlyMap<string, StreamTopic>;
}

/** Throws `InvalidConfiguration`. */
export function streamTopics<const N extends Topics<NatsTopic>>(topics: N): StreamTopics<TopicOf<N>> {
  const entries: readonly (readonly [string, NatsTopic])[] = isList(topics)
    ? topics.map((stream) => [stream, { stream }])
    : Object.entries(topics);
  if (entries.length === 0) throw new InvalidConfiguration('natsLog needs at least one topic');
  const named = entries.map(([application, topic]) => [application, streamTopic(topic)] as const);
  const byName = new Map(named.map(([, topic]) => [topic.name, topic]));
  if (byName.size < named.length)
    throw new InvalidConfiguration('natsLog: two of your topics are the same subjects of one stream');
  const names = Object.fromEntries(named.map(([application, { name }]) => [application, name]));
  return { names: names as { readonly [T in TopicOf<N>]: string }, byName };
}

const isList = (topics: Topics<NatsTopic>): topics is readonly string[] => Array.isArray(topics);

function streamTopic({ stream, subjects, partitions, publishTo, keeps = 'log' }: NatsTopic): StreamTopic {
  if (!/^[^\s.*>/\\]+$/.test(stream))
    throw new InvalidConfiguration(`${JSON.stringify(stream)} is no name of a stream`);
  if (subjects !== undefined && partitions !== undefined)
    throw new InvalidConfiguration(`stream ${stream}: give \`subjects\` or \`partitions\`, not both`);
  if (subjects?.length === 0 || partitions?.length === 0)
    throw new InvalidConfiguration(`stream ${stream}: a list of subjects is empty; leave it out to read all of them`);
  const patterns = (subjects ?? []).map((subject) => new SubjectPattern(subject));
  const first = patterns[0];
  return {
    name: subjects === undefined ? stream : `${stream}/${subjects.join(',')}`,
    stream,
    keeps,
    partitions: new Map(
      partitions === undefined
        ? [[only, patterns]]
        : partitions.map((subject) => [subject, [new SubjectPattern(subject)]]),
    ),
    publishTo: publishTo === undefined ? first : new SubjectPattern(publishTo),
  };
}

/** The partition of a topic that has one. */
const only = '0';

/** Where keys stand in a partition's subjects: as its filters say, or, where all of the stream is read, as the stream does. */
export const keysOf = (
  { publishTo }: StreamTopic,
  filters: readonly SubjectPattern[],
  { config }: StreamInfo,
): readonly SubjectPattern[] => {
  if (filters.length > 0) return filters;
  return publishTo === undefined ? (config.subjects ?? []).map((subject) => new SubjectPattern(subject)) : [publishTo];
};

/** `undefined`: a position names it, and it isn't followed here. */
export function filtersOf(topics: ReadonlyMap<string, StreamTopic>, { topic, partition }: Partition) {
  const found = topics.get(topic);
  const filters = found?.partitions.get(partition);
  return found === undefined || filters === undefined ? undefined : { topic: found, filters };
}
