import { type BrokerKind } from './broker';
import { kafkaJarFolder, startKafka } from './kafka';
import { kafkaAnswers } from './kafka-answers';
import { startNats } from './nats';
import { natsAnswers } from './nats-answers';
import { natsServers } from './nats-servers';

/** Every broker that tests, demos and developers can have. */
export const brokers = {
  kafka: {
    compose: { service: 'kafka', portVariable: 'KAFKA_PORT' },
    answers: (address) => kafkaAnswers(address.split(',')),
    prepare: kafkaJarFolder,
    start: startKafka,
  },
  nats: {
    compose: { service: 'nats', portVariable: 'NATS_PORT' },
    answers: (address) => natsAnswers(address),
    prepare: natsServers,
    start: startNats,
  },
} as const satisfies Readonly<Record<string, BrokerKind>>;

export type BrokerName = keyof typeof brokers;
export const brokerNames = Object.keys(brokers) as readonly BrokerName[];

/** The brokers that `TIDEMARK_BROKERS` (a list with commas) narrows the choice to; absent: all. */
export function chosenBrokers(list = process.env.TIDEMARK_BROKERS): readonly BrokerName[] {
  if (list === undefined) return brokerNames;
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map(brokerNamed);
}

export function brokerNamed(name: string): BrokerName {
  const known = brokerNames.find((one) => one === name);
  if (known === undefined) throw new Error(`no broker is called ${name}; there is ${brokerNames.join(', ')}`);
  return known;
}
