/**
 * Orders the states of one row, whichever partition they come by: a whole number within ±(2^53 − 1), or a `bigint`. Each
 * state of a key, its deletion too, has a version of its own, and a later one is greater.
 */
export type Version = number | bigint;

/** What happens to one row of a keyed replica. */
export type Change<Row, Key = string> = Upsert<Row> | Remove<Key>;

/** What happens to one row where newer versions win: a removal has its version. */
export type VersionedChange<Row, Key = string> = Upsert<Row> | VersionedRemove<Key>;

export interface Upsert<Row> {
  readonly op: 'upsert';
  readonly row: Row;
}

export interface Remove<Key> {
  readonly op: 'remove';
  readonly key: Key;
  /** The version of the deletion; needed where the replica lets newer versions win. */
  readonly version?: Version | undefined;
}

export interface VersionedRemove<Key> extends Remove<Key> {
  readonly version: Version;
}

export const upsert = <Row>(row: Row): Upsert<Row> => ({ op: 'upsert', row });

export function remove<Key>(key: Key, version: Version): VersionedRemove<Key>;
export function remove<Key>(key: Key, version?: Version): Remove<Key>;
export function remove<Key>(key: Key, version?: Version): Remove<Key> {
  return { op: 'remove', key, version };
}
