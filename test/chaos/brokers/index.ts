import { type Broker } from '../broker';
import { embedded } from './embedded';
import { forgetful } from './forgetful';
import { kafka } from './kafka';
import { nats } from './nats';

/** What `--broker` may name. */
export const brokers = { embedded, forgetful, kafka, nats } as const satisfies Readonly<Record<string, Broker>>;
export type BrokerName = keyof typeof brokers;
