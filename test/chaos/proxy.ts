import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** One connection through the proxy. */
interface Pair {
  readonly client: Socket;
  readonly service: Socket;
  /** Half open: nothing comes through any more, and neither side is told. */
  silent: boolean;
}

/** TCP on loopback from B to A, or from both to a broker, with everything that a network may do in between. */
export class Proxy {
  /** The service's port, once there is one. */
  target: number | undefined;
  /** Each piece of an answer is held back for so long, in milliseconds. */
  delayMs = 0;
  /** Answers end after so many bytes. */
  truncateAfter = Infinity;
  /** How often something didn't come through: a piece that was swallowed or cut off, a connection that was reset. */
  hits = 0;
  /** Connections made now come to nothing, without a word. */
  private black = false;
  private readonly pairs = new Set<Pair>();
  private readonly swallowed = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (client) => {
      this.accept(client);
    });
  }

  static async start(): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** `host:port`. */
  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Every connection is reset, whatever is under way. */
  cut(): void {
    for (const { client, service } of this.pairs) {
      this.hits++;
      client.resetAndDestroy();
      service.destroy();
    }
  }

  /** From now on no byte passes; connections that are open now never recover, not even after {@link heal}. */
  blackHole(): void {
    this.black = true;
    for (const pair of this.pairs) pair.silent = true;
  }

  heal(): void {
    this.black = false;
    this.delayMs = 0;
    this.truncateAfter = Infinity;
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const { client, service } of this.pairs) {
      client.destroy();
      service.destroy();
    }
    for (const client of this.swallowed) client.destroy();
    await closed;
  }

  private accept(client: Socket): void {
    client.on('error', () => undefined); // the close that follows is enough
    if (this.black) {
      this.swallowed.add(client);
      client.resume().once('close', () => this.swallowed.delete(client));
      return;
    }
    if (this.target === undefined) {
      client.destroy();
      return;
    }
    const service = connect(this.target, '127.0.0.1').setNoDelay();
    service.on('error', () => undefined);
    const pair: Pair = { client: client.setNoDelay(), service, silent: false };
    this.pairs.add(pair);
    client.on('data', (bytes) => {
      if (pair.silent) this.hits++;
      else service.write(bytes);
    });
    client.once('close', () => {
      this.pairs.delete(pair);
      service.destroy();
    });
    service.once('close', () => {
      if (!pair.silent) client.end();
    });
    void this.answer(pair);
  }

  private async answer(pair: Pair): Promise<void> {
    const { client, service } = pair;
    let passed = 0;
    try {
      for await (const bytes of service as AsyncIterable<Buffer>) {
        if (this.delayMs > 0) await pause(this.delayMs);
        if (pair.silent) this.hits++;
        if (pair.silent || client.destroyed) continue;
        const left = this.truncateAfter - passed;
        passed += bytes.length;
        const flows = client.write(left < bytes.length ? bytes.subarray(0, Math.max(0, left)) : bytes);
        if (left < bytes.length) {
          this.hits++;
          client.end(() => client.destroy());
        } else if (!flows) await Promise.race([once(client, 'drain'), once(client, 'close')]);
      }
    } catch {
      // either side broke off: the other is told by the close
    }
  }
}
