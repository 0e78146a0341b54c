export type { HttpHandler } from './http-handler';
export { serveSnapshot } from './serve-snapshot';
export type { ServeSnapshotOptions } from './serve-snapshot';
export { httpSnapshot } from './http-snapshot';
export type { HttpSnapshotOptions } from './http-snapshot';
export type { RequestHeaders } from './snapshot-get';
export type { ClientTls, ClientTlsSource } from './tls-options';
export type { SnapshotLimits } from './snapshot-limits';
export type { PlainRows } from './snapshot-plain';

export { serveFeed } from './serve-feed';
export type { ServeFeedOptions } from './serve-feed';
export { httpFeed } from './http-feed';
export type { HttpFeedOptions } from './http-feed';
export { durableStreams } from './feed-durable-streams';
export type { DurableStreamsOptions } from './feed-durable-streams';
export type { FeedRequestOptions } from './feed-request';
export type { LiveMode } from './feed-stream';
