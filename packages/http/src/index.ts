export type { HttpHandler } from './http-handler';
export { serveSnapshot } from './serve-snapshot';
export type { ServeSnapshotOptions } from './serve-snapshot';
export { httpSnapshot } from './http-snapshot';
export type { HttpSnapshotOptions } from './http-snapshot';
export type { RequestHeaders } from './snapshot-get';
export type { SnapshotLimits } from './snapshot-limits';
export type { PlainRows } from './snapshot-plain';
