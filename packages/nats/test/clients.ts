import * as io from '@nats-io/transport-node';
import { type NatsConnection } from '@tidemark/nats';
import * as nats from 'nats';

/** Both clients; each makes a connection that comes back soon. */
export const clients = {
  nats: (servers: string): Promise<NatsConnection> => nats.connect({ servers, ...options }),
  '@nats-io/transport-node': (servers: string): Promise<NatsConnection> => io.connect({ servers, ...options }),
} as const;

export type ClientName = keyof typeof clients;
export const clientNames = Object.keys(clients) as readonly ClientName[];

const options = { maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 10, timeout: 500 };
