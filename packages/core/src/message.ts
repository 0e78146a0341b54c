import { type Version } from './change';
import { type Decoders, type Out } from './decode';
import { type Partition } from './partition';
import { type LogRecord } from './record';

/** A row of the snapshot. */
export interface RowMessage<T, V> {
  readonly kind: 'row';
  readonly topic: T;
  readonly value: V;
}

/** A record of the log with a value. */
export interface UpdateMessage<T, V> {
  readonly kind: 'update';
  readonly topic: T;
  readonly value: V;
  readonly partition: Partition;
  readonly record: LogRecord;
}

/** A key was deleted. Without a `record` it is of a snapshot, and has the version of the deletion. */
export type TombstoneMessage<T, K> = LogTombstone<T, K> | SnapshotTombstoneMessage<T, K>;

/** A record of the log whose value is `null`. */
export interface LogTombstone<T, K> {
  readonly kind: 'tombstone';
  readonly topic: T;
  readonly key: K;
  readonly partition: Partition;
  readonly record: LogRecord;
  readonly version?: undefined;
}

/** A deletion that a snapshot remembers, so that a late update can't bring the row back (I3). */
export interface SnapshotTombstoneMessage<T, K> {
  readonly kind: 'tombstone';
  readonly topic: T;
  readonly key: K;
  readonly version: Version;
  readonly partition?: undefined;
  readonly record?: undefined;
}

/** Every message that a pipeline with these decoders can see, told apart by `kind` and `topic`. */
export type Message<D extends Decoders> = {
  [T in keyof D & string]:
    | (D[T] extends { readonly row: infer R } ? RowMessage<T, Out<R>> : never)
    | (D[T] extends { readonly update: infer U } ? UpdateMessage<T, Out<U>> : never)
    | (D[T] extends { readonly tombstone: infer K } ? TombstoneMessage<T, Out<K>> : never);
}[keyof D & string];
