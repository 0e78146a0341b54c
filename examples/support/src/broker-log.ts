import { type Log } from '@tidemark/core';
import { kafkaLog } from '@tidemark/kafka';
import { natsLog } from '@tidemark/nats';
import { Kafka, logLevel } from 'kafkajs';
import { connect } from 'nats';

/** A broker, and what an example's only topic is called there. */
export interface Broker {
  readonly kind: keyof typeof logs;
  /** `host:port`, several with commas. */
  readonly address: string;
  readonly topic: string;
}

/** How a follower shares the work with others of its kind. */
export interface Membership {
  readonly group: string;
  /** How long a dead member keeps its partitions, in milliseconds. */
  readonly sessionTimeoutMs?: number | undefined;
}

/** The one module that names brokers: here are the log expressions, and nothing else knows which one it is. */
const logs = {
  kafka: ({ address, topic }: Broker, name: string, membership: Membership | undefined): Log => {
    const client = new Kafka({ brokers: address.split(','), logLevel: logLevel.NOTHING });
    return kafkaLog({ client, topics: { [name]: topic }, ...membership });
  },
  // a topic is a stream, and a stream one partition: there is nothing to divide, so each member reads all of it into their replica
  nats: ({ address, topic }: Broker, name: string): Log => {
    const connection = () => connect({ servers: address.split(','), maxReconnectAttempts: -1 });
    return natsLog({ connection, topics: { [name]: { stream: topic } } });
  },
} as const;

/** The broker's log with its only topic, under the application's `name` for it. */
export const brokerLog = <Name extends string>(broker: Broker, name: Name, membership?: Membership): Log<Name> =>
  logs[broker.kind](broker, name, membership) as Log<Name>;
