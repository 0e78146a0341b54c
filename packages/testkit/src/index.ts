export type { TestRunner } from './test-runner';
export { transportContract } from './transport-contract';
export type { TransportContract, TransportFeatures, TransportFixture } from './transport-fixture';
export { collect, startOf } from './collect';
export type { Collected } from './collect';
export { follow, Reading } from './reading';
export type { FollowOptions } from './reading';
export { deadline, eventually, within } from './eventually';
