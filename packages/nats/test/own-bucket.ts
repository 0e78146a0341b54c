import { natsLeases, natsLog, type NatsConnection, type NatsLogOptions } from '@tidemark/nats';
import { eventually } from '@tidemark/testkit';
import { randomBytes } from 'node:crypto';
import { Proxy } from '../../../test/chaos/proxy';
import { Bucket, type BucketEntry } from '../src/bucket';
import { type Connecting, Link } from '../src/connection';
import { JetStream } from '../src/jetstream';
import { type ClientName, clients } from './clients';

/** A KV bucket of one's own on the server, which isn't there at first, and everything that was opened for it. */
export class OwnBucket {
  readonly name = `B${randomBytes(6).toString('hex')}`;
  readonly stream = `KV_${this.name}`;
  private readonly closing: (() => PromiseLike<unknown>)[] = [];

  private constructor(
    private readonly client: ClientName,
    private readonly address: string,
    /** Past the proxy. */
    readonly connection: NatsConnection,
    readonly proxy: Proxy,
  ) {}

  static async open(address: string, client: ClientName = 'nats'): Promise<OwnBucket> {
    const proxy = await Proxy.start();
    proxy.target = Number(address.split(':')[1]);
    return new OwnBucket(client, address, await clients[client](address), proxy);
  }

  /** One more client of the server, through the proxy. */
  readonly behindProxy = async (): Promise<NatsConnection> => {
    const connection = await clients[this.client](this.proxy.address);
    const request: NatsConnection['request'] = connection.request.bind(connection);
    return Object.assign(connection, {
      request: (...args: Parameters<typeof request>) => {
        if (args[0].startsWith('$KV.')) this.beforeWrite();
        return request(...args);
      },
    });
  };

  private beforeWrite: () => void = () => undefined;

  /** One more client of the server. */
  readonly directly = (): Promise<NatsConnection> => clients[this.client](this.address);

  bucket(connection: Connecting = this.connection): Bucket {
    const link = new Link(connection);
    this.closing.push(() => link.close());
    return new Bucket(new JetStream(link), this.name);
  }

  leases({ connection = this.directly, name }: { connection?: Connecting; name?: string } = {}) {
    const leases = natsLeases({ connection, bucket: this.name, name });
    this.closing.push(() => leases[Symbol.asyncDispose]());
    return leases;
  }

  /** A log that keeps its positions here. */
  log({ connection = this.directly, ...more }: Partial<NatsLogOptions<unknown>> = {}) {
    const positions = { bucket: this.name, name: 'orders' };
    const log = natsLog({ connection, positions, ...more, topics: { orders: { stream: 'ORDERS' } } });
    this.closing.push(() => log[Symbol.asyncDispose]());
    return log;
  }

  async api(subject: string, body: object = {}): Promise<Record<string, unknown>> {
    const { data } = await this.connection.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 5_000 });
    return JSON.parse(Buffer.from(data).toString()) as Record<string, unknown>;
  }

  /** Makes it as somebody else would. */
  async make(config: object = {}): Promise<void> {
    const layout = { name: this.stream, subjects: [`$KV.${this.name}.>`], max_msgs_per_subject: 1, discard: 'new' };
    const { error } = await this.api(`STREAM.CREATE.${this.stream}`, { ...layout, ...config });
    if (error !== undefined) throw new Error(JSON.stringify(error));
  }

  remove(): Promise<unknown> {
    return this.api(`STREAM.DELETE.${this.stream}`);
  }

  /** What of it the server tells; `undefined`: it isn't there. */
  async config(): Promise<Record<string, unknown> | undefined> {
    return (await this.api(`STREAM.INFO.${this.stream}`)).config as Record<string, unknown> | undefined;
  }

  /** What stands there, as somebody else sees it. */
  get(key: string): Promise<BucketEntry | undefined> {
    return this.bucket().get(key);
  }

  /** Does `write` behind the proxy. What it writes to `key` arrives, and nobody answers; `meanwhile` is done before the network heals. */
  async unanswered<R>(key: string, write: () => Promise<R>, meanwhile?: () => Promise<unknown>): Promise<R> {
    const before = (await this.get(key))?.revision;
    const writing = this.writing(write, () => (this.proxy.delayMs = 2_000)); // under way until the connection is cut
    await eventually(async () => (await this.get(key))?.revision !== before, 'it has arrived');
    return this.healed(writing, meanwhile);
  }

  /** Does `write` behind the proxy. What it reads arrives, what it writes doesn't; `meanwhile` is done before the network heals. */
  async swallowed<R>(write: () => Promise<R>, meanwhile?: () => Promise<unknown>): Promise<R> {
    const writing = this.writing(write, () => {
      this.proxy.blackHole();
    });
    await eventually(() => this.proxy.hits > 0, 'it is swallowed');
    return this.healed(writing, meanwhile);
  }

  private writing<R>(write: () => Promise<R>, beforeFirst: () => void): Promise<R> {
    this.beforeWrite = () => {
      this.beforeWrite = () => undefined;
      beforeFirst();
    };
    const writing = write();
    writing.catch(() => undefined); // looked at by whoever called
    return writing;
  }

  private async healed<R>(writing: Promise<R>, meanwhile?: () => Promise<unknown>): Promise<R> {
    this.proxy.cut();
    await meanwhile?.();
    this.proxy.heal();
    return writing;
  }

  async close(): Promise<void> {
    this.proxy.heal();
    for (const close of this.closing.reverse()) await close();
    await this.remove();
    await this.connection.close();
    await this.proxy.stop();
  }
}
