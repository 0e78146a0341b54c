import { FakeConnection, message, status, type Told } from './fake-connection';

interface Stored extends Omit<Told, 'count'> {
  readonly seq: number;
}

/** One stream and its consumers behind a fake connection; the test changes it in the middle of anything. */
export class FakeStream {
  readonly connection = new FakeConnection();
  created = '2026-11-28T12:00:00.000000001Z';
  first = 1;
  last = 0;
  config: object = {};
  readonly stored: Stored[] = [];
  /** What a consumer doesn't know of yet: it lives on a server that lags behind. */
  hidden = Infinity;
  /** Called before a request is answered. */
  onRequest: (subject: string, body: string) => void | Promise<void> = () => undefined;
  /** Of what a consumer delivers something else; `undefined`: it gets lost. */
  tamper: (told: Told) => Told | undefined = (told) => told;
  readonly deleted: string[] = [];
  private readonly consumers = new Map<string, { next: number; count: number; readonly filter: string | undefined }>();

  constructor() {
    this.connection.answer = async (subject, body) => {
      await this.onRequest(subject, body);
      return this.answer(subject, body === '' ? {} : (JSON.parse(body) as Ask));
    };
    this.connection.onPublish = (subject, body, reply) => {
      queueMicrotask(() => {
        this.pulled(subject.split('.').at(-1) ?? '', JSON.parse(body) as { batch: number; expires?: number }, reply);
      });
    };
  }

  add(...more: readonly Partial<Stored>[]): this {
    for (const one of more) {
      const seq = one.seq ?? this.last + 1;
      this.stored.push({ ...one, seq });
      this.last = seq;
    }
    return this;
  }

  /** Retention removes what is before this. */
  trim(first: number): void {
    this.first = first;
    this.stored.splice(0, this.stored.length, ...this.stored.filter(({ seq }) => seq >= first));
  }

  requests(kind: string): number {
    return this.connection.requested.filter(({ subject }) => subject.startsWith(kind)).length;
  }

  private answer(subject: string, ask: Ask): object {
    const [kind, verb, second, name = ''] = subject.split('.');
    if (kind === 'STREAM' && verb === 'INFO')
      return { created: this.created, config: { ...limits, ...this.config }, state: this.state() };
    if (kind === 'STREAM' && second === 'GET') return this.get(ask);
    if (verb === 'CREATE') {
      const { opt_start_seq: next = 1, filter_subject: filter } = ask.config ?? {};
      this.consumers.set(name, { next: Math.max(next, this.first), count: 0, filter });
      return { config: ask.config ?? {}, num_pending: 0, delivered: { consumer_seq: 0 } };
    }
    if (verb === 'DELETE') {
      this.deleted.push(name);
      return { success: this.consumers.delete(name) };
    }
    const consumer = this.consumers.get(name);
    if (consumer === undefined) return { error: { err_code: 10014, description: 'consumer not found' } };
    return { num_pending: this.ofConsumer(name).length, num_waiting: 0, delivered: { consumer_seq: consumer.count } };
  }

  private state() {
    return { first_seq: this.first, last_seq: this.last };
  }

  private get({ seq = 0, next_by_subj: next }: Ask): object {
    const found = this.stored.find((one) =>
      next === undefined ? one.seq === seq : one.seq >= seq && matches(next, subjectOf(one)),
    );
    if (found === undefined) return { error: { err_code: 10037, description: 'no message found' } };
    const { data } = message({ ...found, count: 1 });
    const time = new Date(Number((found.time ?? 1_700_000_000_123_456_789n) / 1_000_000n)).toISOString();
    return {
      message: { subject: subjectOf(found), seq: found.seq, data: Buffer.from(data).toString('base64'), time },
    };
  }

  private ofConsumer(name: string): readonly Stored[] {
    const consumer = this.consumers.get(name);
    if (consumer === undefined) return [];
    const { next, filter = '>' } = consumer;
    return this.stored.filter((one) => one.seq >= next && one.seq < this.hidden && matches(filter, subjectOf(one)));
  }

  /** One that waits is left waiting: what comes then the test says itself. */
  private pulled(name: string, { batch, expires }: { batch: number; expires?: number }, inbox: string): void {
    const consumer = this.consumers.get(name);
    if (consumer === undefined) return;
    const all = this.ofConsumer(name);
    const told = all.slice(0, batch);
    for (const [i, one] of told.entries()) {
      consumer.next = one.seq + 1;
      const tampered = this.tamper({ ...one, count: ++consumer.count, pending: all.length - i - 1 });
      if (tampered !== undefined) this.connection.comes(message(tampered));
    }
    if (told.length < batch && (told.length > 0 || expires === undefined))
      this.connection.comes(status(inbox, 404, 'No Messages'));
  }
}

interface Ask {
  readonly seq?: number;
  readonly next_by_subj?: string;
  readonly config?: { readonly opt_start_seq?: number; readonly filter_subject?: string };
}

const limits = {
  subjects: ['things.>'],
  retention: 'limits',
  discard: 'old',
  max_msgs: -1,
  max_bytes: -1,
  max_msgs_per_subject: -1,
  max_age: 0,
};

const subjectOf = ({ subject = 'things.a' }: Stored): string => subject;
const matches = (pattern: string, subject: string): boolean =>
  pattern.endsWith('>') ? subject.startsWith(pattern.slice(0, -1)) : subject === pattern;
