/// <reference lib="esnext.disposable" preserve="true" />
export { beginning, before, closed, compareOffsets, decimal, following, lexical, offsetFrom } from './offset';
export type { Offset, OffsetOrder } from './offset';
export { partitionKey, samePartition, showPartition } from './partition';
export type { Mark, Partition } from './partition';
export { OffsetMap, offsetMapEq, offsetMapJoin, offsetMapLattice } from './offset-map';
export type { Comparison, Entry } from './offset-map';
export { compareSources, epochOf, showSource, untold } from './source';
export type { Source, SourceVerdict } from './source';
export {
  comparePositions,
  covers,
  fromToken,
  joinPositions,
  offsetsFromTps,
  offsetsToTps,
  PositionCodec,
  positionFromJson,
  positionToJson,
  toToken,
} from './position';
export type { Position, PositionJson, Tps, TpsMeaning } from './position';
export { holdsProtoKey } from './proto-key';
export { witnessOf } from './record';
export type { LogRecord, NewRecord } from './record';

export type {
  Delivery,
  LossReason,
  PartitionVerdict,
  Start,
  Transport,
  TransportEvent,
  Verification,
} from './transport';
export type { Locator, Point, Publisher } from './publisher';
export type { Log, TopicOf, Topics } from './log';
export type {
  Snapshot,
  SnapshotChunk,
  SnapshotRequest,
  SnapshotSource,
  SnapshotToken,
  SnapshotTombstone,
} from './snapshot';
export { withoutSnapshot } from './without-snapshot';
export { headThenRows, snapshotOfRows } from './rows-snapshot';
export type { Rows } from './rows-snapshot';
export type { DeadLetter, KeptLetter, WhichLetters } from './dead-letter';
export type {
  Advance,
  Amended,
  Amendment,
  Applied,
  Batch,
  Binding,
  Bootstrap,
  Merging,
  Replica,
  Stored,
} from './replica';
export type { PositionStore, Settled, StoredPosition } from './position-store';
export type { Lease, LeaseStore, LeaseWrite } from './lease-store';
export type { ShareOptions } from './share';

export { pagedTransport } from './paged-transport';
export type { PagedTransportOptions } from './paged-transport';
export type { Assignments, Description, Page, PagedLog, PartitionBounds } from './paged-log';
export { judge, judgeAll } from './verify';

export { aborted, orAborted } from './abort';
export { Channel } from './channel';
export { snapshotThenSubscribe } from './snapshot-then-subscribe';
export type { SnapshotThenSubscribeOptions } from './snapshot-then-subscribe';
export type { Sync } from './sync';
export { translate } from './translate';
export type { Flat } from './translate';
export { applyTo } from './apply-to';
export { deliverTo } from './deliver-to';
export type { DeliverToOptions, HandlerContext, Retry } from './deliver-to';
export type { Poison } from './terminal';
export type { Persist, Pipeline } from './pipeline';
export type { Refreshed, RefreshOptions } from './refresh';
export type { ReplayOptions } from './replay';
export type { Health, Lag, PartitionLag } from './lag';
export type { Status } from './status';
export type { Times } from './times';
export type { Wait } from './wait';
export { liveView } from './live-view';
export type { LiveView, LiveViewOptions, ViewChange } from './live-view';
export { coversFloor, floorOf, mayReplace } from './floor';

export { remove, upsert } from './change';
export type { Change, Remove, Upsert, Version, VersionedChange, VersionedRemove } from './change';
export type { Decoder, Decoders, Out, StandardSchema, TopicDecoders } from './decode';
export type {
  LogTombstone,
  Message,
  RowMessage,
  SnapshotTombstoneMessage,
  TombstoneMessage,
  UpdateMessage,
} from './message';
export type { RefetchReason, SyncEvent } from './sync-event';
export { systemRuntime } from './runtime';
export type { Runtime } from './runtime';

export {
  BrokenInvariant,
  DeadLetterGone,
  DeadlineExceeded,
  DecodeFailed,
  EffectStuck,
  FencedOut,
  HandlerFailed,
  IdentityRefused,
  InvalidConfiguration,
  MalformedPosition,
  MustRefetch,
  PipelineEnded,
  PipelineSuperseded,
  ReplicaBoundElsewhere,
  SnapshotBudgetSpent,
  SnapshotRejected,
  SnapshotTooOld,
  SourceMismatch,
  SyncError,
  TakeLost,
  TranslateFailed,
  TransportFault,
  Unavailable,
  UnknownPosition,
} from './errors';
