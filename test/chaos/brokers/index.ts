import { type Broker } from '../broker';
import { embedded } from './embedded';
import { forgetful } from './forgetful';
import { kafka } from './kafka';

/** What `--broker` may name. */
export const brokers = { embedded, forgetful, kafka } as const satisfies Readonly<Record<string, Broker>>;
export type BrokerName = keyof typeof brokers;
