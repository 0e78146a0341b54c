/** Environment variables of each broker. */
import { type BrokerName } from './brokers';

/** Names a running one; set by a run of tests, tells them where it is. */
export const addressVariable = (name: BrokerName): string => `TIDEMARK_${name.toUpperCase()}`;

/** Holds why there is none; set by a run, read by its tests. */
export const missingVariable = (name: BrokerName): string => `${addressVariable(name)}_MISSING`;

/** Holds why tests can't start one of their own. */
export const ownMissingVariable = (name: BrokerName): string => `${addressVariable(name)}_OWN_MISSING`;
