import { InvalidConfiguration, SyncError } from '@tidemark/core';
import { randomUUID } from 'node:crypto';
import { Headers } from './headers';
import { type JetStream, storedAs, type StoredMessage, type StreamConfig } from './jetstream';
import { recordOf } from './message';
import { asUnavailable, isRefusal, isUnheard, JetStreamRefused, refusals } from './nats-error';

/** What stands at a key. */
export interface BucketEntry {
  /** `undefined`: a marker says that it was deleted. */
  readonly value: string | undefined;
  /** Its sequence in the bucket's stream; a marker has one, too. */
  readonly revision: number;
}

type Value = BucketEntry & { readonly value: string };

/**
 * What became of a write: the new revision; or `refused`: another one stands there, and nothing was written. `unsure` is the same after a
 * try that went unanswered: what was to be written may have stood there for a while.
 */
export type Written = number | 'refused' | 'unsure';

/** Each waits for its answer as long as a request does. */
const tries = 3;

/**
 * A KV bucket as ADR-8 of nats-architecture-and-design describes it: the stream `KV_<name>`, whose messages at `$KV.<name>.<key>` are the
 * values. Every write is a compare-and-set on the revision. The bucket is made by the first write where there is none. Whatever keeps the
 * latest value of each key will do; what may forget one rejects with `InvalidConfiguration`. Reads are answered by the stream's leader.
 */
export class Bucket {
  private readonly stream: string;
  /** It was found, and nothing has failed since. */
  private found = false;

  /** `replicas`: of a bucket that is made here. Throws `InvalidConfiguration`. */
  constructor(
    private readonly js: JetStream,
    readonly name: string,
    private readonly replicas = 1,
  ) {
    if (!/^[\w-]+$/.test(name)) throw new InvalidConfiguration(`${JSON.stringify(name)} is no name of a KV bucket`);
    this.stream = `KV_${name}`;
  }

  /** `undefined`: nothing has ever been written there. */
  async get(key: string): Promise<BucketEntry | undefined> {
    const message = await this.ifThere(() => this.js.lastOf(this.stream, this.subjectOf(key)));
    return message && entryOf(message);
  }

  /** The keys below the prefix, without it, and what stands there; each as it was at some moment during the call. */
  async list(prefix: string): Promise<ReadonlyMap<string, Value>> {
    return (await this.ifThere(() => this.read(prefix))) ?? new Map<string, never>();
  }

  /**
   * Writes the value, `null` a marker of its deletion, where `seen` (0: nothing) is still the key's revision. A write that isn't answered
   * is sent again, which does no harm: only one can be the next. Each carries an id, by which it is known where it stands already.
   * Rejects with `Unavailable` where nobody answers at last; it may have been written then.
   */
  async write(key: string, value: string | null, seen: number): Promise<Written> {
    const id = randomUUID();
    const headers = new Headers()
      .add('Nats-Expected-Stream', this.stream)
      .add('Nats-Expected-Last-Subject-Sequence', String(seen))
      .add(writeId, id);
    if (value === null) headers.add('KV-Operation', 'DEL');
    let unanswered = false;
    for (let tried = 1; ; tried++) {
      let sent = false;
      try {
        await this.prepare(value ?? '', headers);
        sent = true;
        return await this.send(key, value ?? '', headers);
      } catch (error) {
        if (isRefusal(error, refusals.wrongLastSequence)) return unanswered ? this.revisionOf(key, id) : 'refused';
        this.found = false;
        unanswered ||= sent && !(error instanceof JetStreamRefused) && !isUnheard(error);
        const isFinal = error instanceof JetStreamRefused || (error instanceof SyncError && !error.retryable);
        if (isFinal || tried === tries)
          throw asUnavailable(
            error,
            `bucket ${this.name} can't be written to${unanswered ? ', or it was and nobody has said so' : ''}`,
          );
      }
    }
  }

  /** The bucket is there, and takes a value of this size. */
  private async prepare(value: string, headers: Headers): Promise<void> {
    if (!this.found && !(await this.find())) await this.create();
    const connection = await this.js.link.connection();
    const size = Buffer.byteLength(value) + headers.encode().length;
    if (connection.info !== undefined && size > connection.info.max_payload)
      throw new InvalidConfiguration(
        `a value for bucket ${this.name} has ${size} bytes with its headers; the server takes ${connection.info.max_payload} (max_payload)`,
      );
  }

  /** The message's sequence. Rejects with what the client or JetStream says. */
  private async send(key: string, value: string, headers: Headers): Promise<number> {
    const { data } = await this.js.link.request(this.subjectOf(key), value, headers);
    const sequence = storedAs(data);
    if (sequence === undefined) throw new Error("the answer is none of JetStream's");
    return sequence;
  }

  /** Of the write that wasn't answered, if it is what stands there. */
  private async revisionOf(key: string, id: string): Promise<Written> {
    const message = await this.ifThere(() => this.js.lastOf(this.stream, this.subjectOf(key)));
    if (message === undefined) return 'unsure';
    const stands = recordOf(message, []).headers.get(writeId);
    return stands !== undefined && Buffer.from(stands).toString() === id ? message.seq : 'unsure';
  }

  /** The names first and then each value, asked by itself: whoever reads them all in a row never catches up with busy writers. */
  private async read(prefix: string): Promise<ReadonlyMap<string, Value>> {
    const what = `the keys of bucket ${this.name} can't be read`;
    const below = this.subjectOf(`${prefix}.`);
    const ask = { subjects_filter: `${below}>` };
    const info = await this.js.ask<SubjectsInfo>(`STREAM.INFO.${this.stream}`, ask, what).catch((error: unknown) => {
      throw asUnavailable(error, what);
    });
    const subjects = Object.keys(info.state.subjects ?? {});
    if ((info.total ?? 0) > subjects.length)
      throw new InvalidConfiguration(`bucket ${this.name} has more keys of one kind than a server tells at once`);
    const messages = await Promise.all(subjects.map((subject) => this.js.lastOf(this.stream, subject)));
    return new Map(
      messages.flatMap((message): [string, Value][] => {
        if (message === undefined) return [];
        const { value, revision } = entryOf(message);
        return value === undefined ? [] : [[message.subject.slice(below.length), { value, revision }]];
      }),
    );
  }

  /** `undefined`: there is no such bucket. */
  private async ifThere<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (!this.found && !(await this.find())) return undefined;
    try {
      return await work();
    } catch (error) {
      this.found = false;
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  private async find(): Promise<boolean> {
    try {
      requireKeeping(this.name, this.subjectOf('>'), (await this.js.stream(this.stream)).config);
      this.found = true;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    return this.found;
  }

  /** Others may make it at the same time, also with other settings. */
  private async create(): Promise<void> {
    const layout = {
      name: this.stream,
      subjects: [this.subjectOf('>')],
      max_msgs_per_subject: 1,
      discard: 'new',
      allow_rollup_hdrs: true,
      deny_delete: true,
      allow_direct: true,
      storage: 'file',
      num_replicas: this.replicas,
    };
    const what = `bucket ${this.name} can't be made`;
    await this.js.ask(`STREAM.CREATE.${this.stream}`, layout, what).catch((error: unknown) => {
      if (!isRefusal(error, refusals.streamExists)) throw asUnavailable(error, what);
    });
    await this.find();
  }

  private subjectOf(key: string): string {
    return `$KV.${this.name}.${key}`;
  }
}

interface SubjectsInfo {
  /** Of all subjects that there are; a server tells some 100,000 at once. */
  readonly total?: number;
  readonly state: { readonly subjects?: Readonly<Record<string, number>> | null };
}

/** The header that tells writes apart. (Not `Nats-Msg-Id`: newer servers look at the expected revision first, older ones at the id.) */
const writeId = 'Tidemark-Write';

function entryOf(message: StoredMessage): BucketEntry {
  const { value } = recordOf(message, []);
  return { value: value === null ? undefined : Buffer.from(value).toString('utf8'), revision: message.seq };
}

/** Refused, as `JetStream` tells it on. */
const isMissing = (error: unknown): boolean => error instanceof Error && isRefusal(error.cause, refusals.noStream);

/** Throws `InvalidConfiguration`. */
function requireKeeping(bucket: string, subject: string, config: StreamConfig): void {
  const { subjects = [], retention, discard, max_age: age, max_msgs: messages, max_bytes: bytes } = config;
  const refuse = (why: string): never => {
    throw new InvalidConfiguration(`bucket ${bucket} can't keep positions or leases: ${why}`);
  };
  if (!subjects.includes(subject) || retention !== 'limits' || config.max_msgs_per_subject < 1)
    refuse(`stream KV_${bucket} is there and is no bucket (a mirror?); give another name`);
  if (age > 0) refuse('it has a max_age (ttl), and would forget them; make one without');
  if (discard === 'old' && (messages > 0 || bytes > 0))
    refuse('it discards the oldest values where it is full, and would forget them; let it discard "new"');
}
