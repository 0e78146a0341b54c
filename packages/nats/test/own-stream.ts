import { natsLog, type NatsConnection, type NatsLogOptions, type NatsTopic } from '@tidemark/nats';
import { randomBytes } from 'node:crypto';
import { type ClientName, clients } from './clients';

/** A stream of one's own on the server, and everything that was opened for it. */
export class OwnStream {
  readonly name = `S${randomBytes(6).toString('hex')}`;
  /** Records with a key are below it, one without a key is on it. */
  readonly subject = `${this.name}.things`;
  /** Of the stream, and no topic's. */
  readonly other = `${this.name}.other`;
  private readonly closing: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly connection: NatsConnection,
    private readonly config: object,
  ) {
    this.closing.push(() => connection.close());
  }

  static async create(address: string, client: ClientName = 'nats', config: object = {}): Promise<OwnStream> {
    const stream = new OwnStream(await clients[client](address), config);
    await stream.make();
    return stream;
  }

  /** Of the whole stream, unless `topic` says more. */
  log({
    topic,
    ...options
  }: Partial<NatsLogOptions<unknown>> & { readonly topic?: Partial<NatsTopic> | undefined } = {}) {
    const topics = { things: { stream: this.name, ...topic } };
    const log = natsLog({ connection: this.connection, ...options, topics });
    this.closing.push(async () => log[Symbol.asyncDispose]());
    return log;
  }

  /** The message's sequence. */
  async publish(subject: string, value: string): Promise<number> {
    const { data } = await this.connection.request(subject, value, { timeout: 5_000 });
    return (JSON.parse(Buffer.from(data).toString()) as { seq: number }).seq;
  }

  async api(subject: string, body: object = {}): Promise<Record<string, unknown>> {
    const { data } = await this.connection.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 5_000 });
    const answer = JSON.parse(Buffer.from(data).toString()) as Record<string, unknown>;
    if (answer.error !== undefined) throw new Error(`${subject}: ${JSON.stringify(answer.error)}`);
    return answer;
  }

  purge(what: { readonly filter?: string; readonly keep?: number } = {}): Promise<unknown> {
    return this.api(`STREAM.PURGE.${this.name}`, what);
  }

  remove(seq: number): Promise<unknown> {
    return this.api(`STREAM.MSG.DELETE.${this.name}`, { seq });
  }

  /** Deletes it and creates another one of its name. */
  async recreate(): Promise<void> {
    await this.api(`STREAM.DELETE.${this.name}`);
    await this.make();
  }

  async close(): Promise<void> {
    await this.api(`STREAM.DELETE.${this.name}`).catch(() => undefined);
    for (const close of this.closing.reverse()) await close();
  }

  make(): Promise<unknown> {
    return this.api(`STREAM.CREATE.${this.name}`, {
      name: this.name,
      subjects: [`${this.subject}.>`, this.subject, this.other],
      storage: 'file',
      ...this.config,
    });
  }
}
