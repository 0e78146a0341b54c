import {
  decimal,
  InvalidConfiguration,
  type NewRecord,
  OffsetMap,
  type Position,
  type Publisher,
  SyncError,
  TransportFault,
  Unavailable,
} from '@tidemark/core';
import { randomUUID } from 'node:crypto';
import { type NatsConnection, patienceMs } from './connection';
import { infosOf, requireReadable } from './description';
import { Headers } from './headers';
import { type JetStream, storedAs, type StreamInfo } from './jetstream';
import { asUnavailable, isUnheard, JetStreamRefused, refusals, told } from './nats-error';
import { SubjectPattern } from './subject-pattern';
import { type StreamTopic, type StreamTopics } from './topics';

/** A message as it is sent. */
interface Outgoing {
  readonly stream: string;
  /** What the subject is made of. */
  readonly target: string;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: Headers;
}

/** Messages on their way at once. */
const window = 256;
/** Each waits for its answer as long as a request does. */
const tries = 3;

/**
 * Each record is stored before `publish` resolves, those of one key in their order; when it rejects nothing of it is on its way any more.
 * (Calls that overlap have no order among each other.) A message that isn't answered is sent again under its `Nats-Msg-Id`, which the
 * stream remembers for its `duplicate_window` (two minutes unless it says otherwise): stored once. Where the stream forgets sooner than
 * an answer can take, nothing is sent twice, and the error says that it may have been stored. Give the header yourself to have what you
 * publish again, after a crash, stored once as well.
 */
export class NatsPublisher<Topic extends string> implements Publisher<Topic> {
  constructor(
    private readonly js: JetStream,
    private readonly topics: StreamTopics<Topic>,
  ) {}

  async publish(application: Topic, records: readonly NewRecord[]): Promise<Position> {
    const names: Readonly<Record<string, string>> = this.topics.names;
    const name = Object.hasOwn(names, application) ? names[application] : undefined;
    const topic = name === undefined ? undefined : this.topics.byName.get(name);
    if (topic === undefined) throw new InvalidConfiguration(`natsLog has no topic "${application}"`);
    const infos = await infosOf(this.js, [...this.topics.byName.values()]);
    const info = infos.of(topic);
    requireReadable(topic, info);
    const connection = await this.js.link.connection();
    const target = targetOf(topic, info);
    const outgoing = records.map((record) => outgoingOf(topic, target, record, connection));
    let last = 0;
    for (const wave of waves(outgoing)) last = Math.max(last, await this.sendAll(wave, info));
    // a stream's partitions share its sequences, and only the server knows which of them a message went to
    const marks = last === 0 ? [] : [...topic.partitions.keys()];
    const entries = marks.map((partition) => ({ topic: topic.name, partition, through: decimal(last) }));
    return { source: infos.source, offsets: OffsetMap.from('decimal', entries) };
  }

  /** The highest sequence. Rejects once all are settled: one that is still tried could come after what the caller publishes next. */
  private async sendAll(wave: readonly Outgoing[], info: StreamInfo): Promise<number> {
    const settled = await Promise.allSettled(wave.map((one) => this.send(one, info)));
    let last = 0;
    for (const one of settled)
      if (one.status === 'rejected') throw one.reason;
      else last = Math.max(last, one.value);
    return last;
  }

  /** The message's sequence. */
  private async send(one: Outgoing, { config }: StreamInfo): Promise<number> {
    const windowMs = (config.duplicate_window ?? 0) / 1e6;
    let sentAt: number | undefined;
    let unsure = false;
    let trouble: unknown;
    for (let tried = 0; tried < tries; tried++)
      try {
        await this.js.link.connection();
        // the stream must still know the one that was sent when this one comes, which may be as late as its answer
        if (sentAt !== undefined && performance.now() + patienceMs - sentAt > windowMs) break;
        sentAt ??= performance.now();
        const { data } = await this.js.link.request(one.subject, one.payload, one.headers);
        const sequence = storedAs(data);
        if (sequence === undefined) throw foreignAnswer(one);
        return sequence;
      } catch (error) {
        if (error instanceof SyncError && !error.retryable) throw error;
        if (error instanceof JetStreamRefused) throw refusedBy(error, one);
        if (isUnheard(error) && !unsure) sentAt = undefined;
        else unsure ||= sentAt !== undefined;
        trouble = error;
      }
    throw unanswered(trouble, one, unsure);
  }
}

const foreignAnswer = ({ stream }: Outgoing) =>
  new TransportFault(
    `something else than stream ${stream} answers to what is published to it: who replies to its subjects?`,
  );

function refusedBy(error: JetStreamRefused, { stream }: Outgoing): SyncError {
  const what = `a record can't be published to stream ${stream}`;
  if (error.number === refusals.otherStream)
    return new InvalidConfiguration(`${what}: the subject that it is published to is another stream's`, {
      cause: error,
    });
  if (error.number === refusals.tooBig)
    return new InvalidConfiguration(`${what}: it is bigger than its max_msg_size`, { cause: error });
  return asUnavailable(error, what);
}

/** The clients' texts name the subject, in which the key is. */
function unanswered(error: unknown, { stream, subject, target }: Outgoing, unsure: boolean): SyncError {
  if (!unsure && error instanceof SyncError) return error;
  const what = `a record for stream ${stream} ${unsure ? 'was not answered, and may have been stored' : "can't be published"}`;
  const names = error instanceof Error && error.message.includes(subject);
  const why = told(error).replaceAll(subject, () => target);
  return new Unavailable(`${what}; ${why}`, names ? undefined : { cause: error });
}

function targetOf({ stream, publishTo }: StreamTopic, { config }: StreamInfo): SubjectPattern {
  if (config.no_ack === true)
    throw new InvalidConfiguration(`stream ${stream} doesn't say what it has stored (no_ack): turn that off`);
  if (publishTo !== undefined) return publishTo;
  const [first] = config.subjects ?? [];
  if (first === undefined)
    throw new InvalidConfiguration(
      `nothing can be published to stream ${stream}: it listens to no subject (a mirror?)`,
    );
  return new SubjectPattern(first);
}

function outgoingOf(
  { stream }: StreamTopic,
  target: SubjectPattern,
  { key, value, headers: given = {} }: NewRecord,
  { info }: NatsConnection,
): Outgoing {
  const headers = new Headers().add('Nats-Expected-Stream', stream);
  if (!Object.hasOwn(given, 'Nats-Msg-Id')) headers.add('Nats-Msg-Id', randomUUID());
  if (value === null) headers.add('KV-Operation', 'DEL');
  for (const [name, text] of Object.entries(given)) headers.add(name, text);
  const payload = typeof value === 'string' ? Buffer.from(value) : (value ?? new Uint8Array());
  const size = payload.length + headers.encode().length;
  if (info !== undefined && size > info.max_payload)
    throw new InvalidConfiguration(
      `a record for stream ${stream} has ${size} bytes with its headers; the server takes ${info.max_payload} (max_payload)`,
    );
  const subject = target.subjectOf(key);
  if (subject.length > longestSubject)
    throw new InvalidConfiguration(
      `a key for stream ${stream} makes a subject of ${subject.length} bytes; a server takes no line of more than 4096 with it (max_control_line)`,
    );
  return { stream, target: target.text, subject, payload, headers };
}

/** The line that a server reads, and ends the connection if it is longer, holds an inbox and two lengths, too. */
const longestSubject = 3_840;

/** Groups in which no subject comes twice: what comes later for the same key waits until the earlier is stored. */
function* waves(outgoing: readonly Outgoing[]): Generator<readonly Outgoing[], void, undefined> {
  let wave: Outgoing[] = [];
  const subjects = new Set<string>();
  for (const one of outgoing) {
    if (wave.length === window || subjects.has(one.subject)) {
      yield wave;
      wave = [];
      subjects.clear();
    }
    wave.push(one);
    subjects.add(one.subject);
  }
  if (wave.length > 0) yield wave;
}
