export type { TestRunner } from './test-runner';
export { transportContract } from './transport-contract';
export type { TransportContract, TransportFeatures, TransportFixture } from './transport-fixture';
export { replicaContract } from './replica-contract';
export type {
  Item,
  ReplicaContract,
  ReplicaFeatures,
  ReplicaFixture,
  VersionedFixture,
  VersionedItem,
} from './replica-fixture';
export { leaseStoreContract } from './lease-store-contract';
export type { LeaseStoreContract, LeaseStoreFixture } from './lease-store-contract';
export { collect, startOf } from './collect';
export type { Collected } from './collect';
export { follow } from './reading';
export type { FollowOptions, Reading } from './reading';
export { eventually, within } from './eventually';
export { simulate, usualFaults } from './simulate';
export type { SimulatedRun, SimulateOptions } from './simulate';
export type { Simulated, SimulatedA, SimulatedInstance } from './sim-world';
export type { RowsAndTombstones, RowsOf } from './sim-snapshot';
export type { Published } from './sim-log';
export { everyFault } from './sim-plan';
export type { SimFault } from './sim-plan';
export { SimulationFailed } from './sim-failed';
