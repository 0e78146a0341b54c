export type { Database } from './database';
export { openDatabase, transaction } from './database';
export { explain, startOptions } from './driver-link';
export type { Failed, FollowerSays, Order, SourceSays } from './messages';
export { runFollower } from './run-follower';
export { runSource } from './run-source';
export type { SourceService } from './run-source';
