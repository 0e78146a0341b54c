import { jetstream } from '@nats-io/jetstream';
import * as io from '@nats-io/transport-node';
import { type NatsConnection } from '@tidemark/nats';
import * as nats from 'nats';

/** What is set of a connection here; the clients' own defaults otherwise. */
export interface ConnectionOptions {
  readonly maxReconnectAttempts?: number;
  readonly reconnectTimeWait?: number;
}

const patient = { maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 10 };

/** Both clients. */
export const clients = {
  nats: (servers: string, options: ConnectionOptions = {}): Promise<NatsConnection> =>
    nats.connect({ servers, ...patient, ...options }),
  '@nats-io/transport-node': (servers: string, options: ConnectionOptions = {}): Promise<NatsConnection> =>
    io.connect({ servers, ...patient, ...options }),
} as const;

export type ClientName = keyof typeof clients;
export const clientNames = Object.keys(clients) as readonly ClientName[];

/** A client's own ordered consumer, which is made for reading without a loss. */
export class OrderedAlone {
  /** Of the messages, as they came. */
  readonly values: string[] = [];

  private constructor(
    private readonly messages: Messages,
    private readonly connection: { close(): Promise<void> },
  ) {
    const run = async () => {
      for await (const message of messages) this.values.push(message.string());
    };
    run().catch(() => undefined); // what it ends with is no matter here
  }

  /** After this sequence; from the first message on unless given. */
  static async read(client: ClientName, servers: string, stream: string, after = 0): Promise<OrderedAlone> {
    // it is quick to find out about silence
    const reading = { max_messages: 100, expires: 2_000, idle_heartbeat: 500 };
    if (client === 'nats') {
      const connection = await nats.connect({ servers, ...patient });
      const consumer = await connection.jetstream().consumers.get(stream, { opt_start_seq: after + 1 });
      return new OrderedAlone(await consumer.consume(reading), connection);
    }
    const connection = await io.connect({ servers, ...patient });
    const consumer = await jetstream(connection).consumers.get(stream, { opt_start_seq: after + 1 });
    return new OrderedAlone(await consumer.consume(reading), connection);
  }

  async stop(): Promise<void> {
    await this.messages.close();
    await this.connection.close();
  }
}

interface Messages extends AsyncIterable<{ string(): string }> {
  close(): Promise<unknown>;
}
