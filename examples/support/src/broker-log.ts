import { type Log, type TopicOf, type Topics } from '@tidemark/core';
import { kafkaLog } from '@tidemark/kafka';
import { Kafka, logLevel } from 'kafkajs';

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
  kafka: <const N extends Topics<string>>({ address }: Broker, topics: N, membership: Membership | undefined) => {
    const client = new Kafka({ brokers: address.split(','), logLevel: logLevel.NOTHING });
    return kafkaLog({ client, topics, ...membership });
  },
} as const;

export const brokerLog = <const N extends Topics<string>>(
  broker: Broker,
  topics: N,
  membership?: Membership,
): Log<TopicOf<N>> => logs[broker.kind](broker, topics, membership);
