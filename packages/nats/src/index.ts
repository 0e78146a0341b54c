export type { Connecting, NatsConnection, NatsHeaders, NatsMessage } from './connection';
export { ConnectionEnded } from './nats-error';
export { natsLeases, type NatsLeasesOptions } from './nats-leases';
export { natsLog, type NatsLogOptions, type NatsPositions } from './nats-log';
export { natsSnapshot, type NatsSnapshotOptions } from './nats-snapshot';
export type { NatsRow } from './snapshot-rows';
export type { NatsTopic } from './topics';
