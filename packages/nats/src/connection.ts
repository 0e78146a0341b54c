import { type SyncError, Unavailable } from '@tidemark/core';
import { asUnavailable, ConnectionEnded } from './nats-error';

/**
 * What is used of a connection: `connect()` of `nats` 2.29 and of `@nats-io/transport-node` 3.3 both answer with one. JetStream is
 * spoken over it by its own requests and not by either client's library: see docs/decisions/0013-jetstream-is-spoken-directly.md.
 */
export interface NatsConnection {
  readonly info?: { readonly version: string; readonly max_payload: number } | undefined;
  publish(subject: string, payload?: Uint8Array | string, options?: { reply?: string }): void;
  subscribe(
    subject: string,
    options?: { callback?: (error: Error | null, message: NatsMessage) => void },
  ): { unsubscribe(): void };
  request(
    subject: string,
    payload?: Uint8Array | string,
    options?: { timeout: number; headers?: object },
  ): Promise<NatsMessage>;
  /** Both clients have `stop`, and leave it out of their types. */
  status(): AsyncIterable<{ readonly type: string }> & { stop?(): void };
  flush(): Promise<void>;
  /** Not every 2.29 has it. */
  reconnect?(): Promise<void>;
  closed(): Promise<unknown>;
  isClosed(): boolean;
  close(): Promise<void>;
}

export interface NatsMessage {
  readonly subject: string;
  readonly reply?: string | undefined;
  readonly data: Uint8Array;
  readonly headers?: NatsHeaders | undefined;
}

export interface NatsHeaders extends Iterable<[string, string[]]> {
  /** Of a status message, else 0. */
  readonly code: number;
  readonly description: string;
}

/** A connection that is yours, or how to get one that is the log's. */
export type Connecting = NatsConnection | (() => Promise<NatsConnection>);

/** How long a request may wait for a connection that is being made anew, and for its answer, in milliseconds. */
export const patienceMs = 5_000;

/** Is a server older than 2.10? Consumers of those pass over what they should deliver in some cases, and filter by one subject only. */
export const isBefore210 = (version: string): boolean => /^2\.[0-9]\./.test(version);

/** One connection: made when it is first needed, and again after its end where the log has made it. */
export class Link {
  private current: Promise<NatsConnection> | undefined;
  /** What `current` came to. */
  private live: NatsConnection | undefined;
  /** Of which it isn't known whether it has died without a word. */
  private doubted: NatsConnection | undefined;
  private connected = true;
  private closing = false;
  private readonly losses = new Set<() => void>();
  /** Told whether the connection has come back. */
  private readonly waiting = new Set<(back: boolean) => void>();
  private stopWatching: () => void = () => undefined;

  constructor(private readonly given: Connecting) {}

  /**
   * The connection, while it stands. Rejects with `Unavailable` where it isn't back within some seconds, and with
   * {@link ConnectionEnded} where it has ended for good.
   */
  async connection(): Promise<NatsConnection> {
    const connection = await this.opened();
    if (!this.isOver(connection) && (this.connected || (await this.isBack()))) return connection;
    if (this.isOver(connection)) throw this.ended();
    this.abandon(connection); // whatever keeps the client: it waits for hours where the wall clock was set back
    throw new Unavailable('NATS is not connected; the client is trying');
  }

  /**
   * The answer, for which it waits some seconds, and no longer than the connection stands: after that it can't come, and the clients
   * would wait all the same. Rejects as {@link connection} does, or with what the client says.
   */
  async request(subject: string, payload: Uint8Array | string, headers?: object): Promise<NatsMessage> {
    const connection = await this.connection();
    let stop: () => void = () => undefined;
    const lost = new Promise<never>((_, reject) => {
      stop = this.onLoss(() => {
        reject(new Unavailable('the connection to NATS was lost before the answer came'));
      });
    });
    try {
      const options = { timeout: patienceMs, ...(headers && { headers }) };
      return await Promise.race([connection.request(subject, payload, options), lost]);
    } catch (error) {
      this.doubt(connection);
      throw error;
    } finally {
      stop();
    }
  }

  /**
   * Something that was asked over this connection isn't answered. Where the server doesn't even answer a ping, the connection has died
   * without a word, which the client may find out only minutes later: it is made anew.
   */
  doubt(connection: NatsConnection): void {
    if (connection !== this.live || !this.connected || connection === this.doubted) return;
    this.doubted = connection;
    const told = (alive: boolean) => {
      clearTimeout(late);
      if (this.doubted !== connection) return;
      this.doubted = undefined;
      if (alive || connection !== this.live || !this.connected) return;
      if (typeof this.given === 'function') this.abandon(connection);
      else connection.reconnect?.().catch(() => undefined);
    };
    const late = setTimeout(told, patienceMs, false).unref();
    const known = () => {
      told(true); // alive, or the client knows by itself
    };
    connection.flush().then(known, known);
  }

  /** Told when the connection is lost: what was asked over it may never be answered. Call the answer to be told no more. */
  onLoss(listener: () => void): () => void {
    this.losses.add(listener);
    return () => this.losses.delete(listener);
  }

  /** Ends the connection where the log has made it; one that is still being made ends when it comes, and nobody waits for that. */
  async close(): Promise<void> {
    this.closing = true;
    this.lose();
    this.tell(false);
    this.stopWatching();
    if (typeof this.given === 'function') await this.live?.close().catch(() => undefined);
  }

  private isOver(connection: NatsConnection): boolean {
    return this.closing || connection.isClosed();
  }

  private isBack(): Promise<boolean> {
    return new Promise((resolve) => {
      const told = (back: boolean) => {
        clearTimeout(late);
        this.waiting.delete(told);
        resolve(back);
      };
      const late = setTimeout(told, patienceMs, false);
      this.waiting.add(told);
    });
  }

  private opened(): Promise<NatsConnection> {
    if (this.closing) return Promise.reject(this.ended());
    this.current ??= this.open().catch((error: unknown) => {
      this.current = undefined;
      throw error;
    });
    return this.current;
  }

  private async open(): Promise<NatsConnection> {
    const connection = typeof this.given === 'function' ? await this.ask(this.given) : this.given;
    if (this.closing) {
      if (typeof this.given === 'function') await connection.close().catch(() => undefined);
      throw this.ended();
    }
    if (typeof this.given !== 'function') warnOfGivingUp(connection);
    this.live = connection;
    this.connected = true;
    this.watch(connection).catch(() => undefined); // then silence tells of a loss
    return connection;
  }

  private async ask(connect: () => Promise<NatsConnection>): Promise<NatsConnection> {
    try {
      return await connect();
    } catch (error) {
      throw asUnavailable(error, 'NATS can not be reached');
    }
  }

  private async watch(connection: NatsConnection): Promise<void> {
    const over = () => {
      if (connection !== this.live) return;
      if (typeof this.given === 'function') this.abandon(connection);
      else this.lose();
      this.tell(false);
    };
    connection.closed().then(over, over);
    const statuses = connection.status();
    this.stopWatching = () => statuses.stop?.();
    for await (const { type } of statuses) {
      if (connection !== this.live) return; // of one that is over
      if (type === 'disconnect') this.lose();
      else if (type === 'reconnect') {
        this.connected = true;
        this.tell(true);
      }
    }
  }

  private tell(back: boolean): void {
    for (const told of [...this.waiting]) told(back);
  }

  /** Another one is made when it is needed, where this one is the log's own. */
  private abandon(connection: NatsConnection): void {
    if (typeof this.given !== 'function' || connection !== this.live) return;
    this.live = undefined;
    this.current = undefined;
    this.lose();
    connection.close().catch(() => undefined);
  }

  private lose(): void {
    this.connected = false;
    for (const loss of [...this.losses]) loss();
  }

  private ended(): SyncError {
    return this.closing
      ? new ConnectionEnded('the log has been disposed of')
      : typeof this.given === 'function'
        ? new Unavailable('the connection to NATS has just ended; a new one will be made')
        : new ConnectionEnded(
            'the connection to NATS was closed, or the client has given up reconnecting; connect with `maxReconnectAttempts: -1`, or give natsLog a function that connects',
          );
  }
}

/** Both clients give up after 10 tries, two seconds each, unless told otherwise; a follower wants to go on. */
function warnOfGivingUp(connection: NatsConnection): void {
  const { options } = connection as { readonly options?: { readonly maxReconnectAttempts?: number } };
  const attempts = options?.maxReconnectAttempts;
  if (attempts === undefined || attempts < 0) return;
  process.emitWarning(
    `this NATS connection gives up after ${attempts} attempts to reconnect, and the pipeline fails then; connect with maxReconnectAttempts: -1`,
    { code: 'TIDEMARK_NATS_GIVES_UP' },
  );
}
