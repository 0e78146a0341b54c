import { type Link } from './connection';
import { asUnavailable, isRefusal, JetStreamRefused, refusals } from './nats-error';

/** What STREAM.INFO tells, as far as it is used. Sequences are JSON numbers: exact up to 2^53. */
export interface StreamInfo {
  /** When it was created, to the nanosecond: another one of the same name has another. */
  readonly created: string;
  readonly config: StreamConfig;
  readonly state: { readonly messages: number; readonly first_seq: number; readonly last_seq: number };
}

export interface StreamConfig {
  readonly subjects?: readonly string[] | undefined;
  readonly retention: 'limits' | 'interest' | 'workqueue';
  readonly discard: 'old' | 'new';
  readonly max_msgs: number;
  readonly max_bytes: number;
  readonly max_msgs_per_subject: number;
  /** Nanoseconds; 0: no limit. */
  readonly max_age: number;
  /** Nanoseconds; so long a message's `Nats-Msg-Id` is remembered. */
  readonly duplicate_window?: number | undefined;
  readonly no_ack?: boolean | undefined;
  /** Nanoseconds; since server 2.11. Deletions by age leave a marker that readers see. */
  readonly subject_delete_marker_ttl?: number | undefined;
  /** Since server 2.11. Messages may have an age of their own. */
  readonly allow_msg_ttl?: boolean | undefined;
}

/** A message as STREAM.MSG.GET answers it. */
export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  /** Base64. */
  readonly data?: string | undefined;
  /** Base64. */
  readonly hdrs?: string | undefined;
  readonly time: string;
}

/** Where a consumer begins. */
export interface ConsumerStart {
  readonly deliver_policy: 'all' | 'by_start_sequence' | 'by_start_time' | 'last_per_subject';
  /** Digits, written into the request as a number of any size. */
  readonly opt_start_seq?: string | undefined;
  readonly opt_start_time?: string | undefined;
}

export interface ConsumerInfo {
  readonly config: { readonly filter_subjects?: readonly string[] | undefined };
  /** Messages that it has still to deliver. */
  readonly num_pending: number;
  /** Pulls that are out. */
  readonly num_waiting: number;
  readonly delivered: { readonly consumer_seq: number };
}

/** JetStream's request API: subjects and JSON as its reference (docs.nats.io, "NATS API Reference") gives them. */
export class JetStream {
  constructor(readonly link: Link) {}

  /** Rejects with {@link JetStreamRefused}, or with `Unavailable` where nobody answers. `what` fails is told in its text. */
  async ask<T>(subject: string, body: object | string, what: string): Promise<T> {
    const payload = typeof body === 'string' ? body : JSON.stringify(body);
    let answer: T & { readonly error?: { readonly err_code?: number; readonly description: string } };
    try {
      const { data } = await this.link.request(`$JS.API.${subject}`, payload);
      answer = answered(data) as typeof answer;
    } catch (error) {
      throw asUnavailable(error, what);
    }
    if (answer.error !== undefined) throw new JetStreamRefused(answer.error.err_code ?? 0, answer.error.description);
    return answer;
  }

  async stream(name: string): Promise<StreamInfo> {
    const what = `stream ${name} can't be described`;
    return this.ask<StreamInfo>(`STREAM.INFO.${name}`, '', what).catch((error: unknown) => {
      throw asUnavailable(error, what);
    });
  }

  /** `undefined`: there is no message of this sequence (any more). */
  async message(stream: string, seq: string): Promise<StoredMessage | undefined> {
    return this.messageBy(stream, `{"seq":${seq}}`);
  }

  /** The latest one of the subject. */
  async lastOf(stream: string, subject: string): Promise<StoredMessage | undefined> {
    return this.messageBy(stream, JSON.stringify({ last_by_subj: subject }));
  }

  /** The first one of these subjects from a sequence on. */
  async nextOf(stream: string, subject: string, seq: string): Promise<StoredMessage | undefined> {
    return this.messageBy(stream, `{"seq":${seq},"next_by_subj":${JSON.stringify(subject)}}`);
  }

  private async messageBy(stream: string, body: string): Promise<StoredMessage | undefined> {
    const what = `a message of stream ${stream} can't be read`;
    try {
      return (await this.ask<{ readonly message: StoredMessage }>(`STREAM.MSG.GET.${stream}`, body, what)).message;
    } catch (error) {
      if (isRefusal(error, refusals.noMessage)) return undefined;
      throw asUnavailable(error, what);
    }
  }
}

/** What JetStream has answered. The parser's own error would quote it, and it may hold a record. */
function answered(data: Uint8Array): object {
  let answer: unknown;
  try {
    answer = JSON.parse(Buffer.from(data).toString('utf8'));
  } catch {
    answer = undefined;
  }
  if (typeof answer === 'object' && answer !== null) return answer;
  throw new Error(`the answer, of ${data.length} bytes, is none of JetStream's`);
}

/**
 * The sequence under which a message was stored, of JetStream's answer to it; `undefined`: the answer is somebody else's, or none yet.
 * Throws {@link JetStreamRefused}.
 */
export function storedAs(data: Uint8Array): number | undefined {
  let answer: { readonly seq?: unknown; readonly error?: { readonly err_code?: number; readonly description: string } };
  try {
    answer = answered(data);
  } catch {
    return undefined;
  }
  if (answer.error !== undefined) throw new JetStreamRefused(answer.error.err_code ?? 0, answer.error.description);
  return typeof answer.seq === 'number' && answer.seq > 0 ? answer.seq : undefined;
}
