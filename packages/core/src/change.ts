/** What happens to one row of a keyed replica. */
export type Change<Row, Key = string> = Upsert<Row> | Remove<Key>;

export interface Upsert<Row> {
  readonly op: 'upsert';
  readonly row: Row;
}

export interface Remove<Key> {
  readonly op: 'remove';
  readonly key: Key;
  /** The version of the deletion; needed where the replica lets newer versions win. */
  readonly version?: number | bigint | undefined;
}

export const upsert = <Row>(row: Row): Upsert<Row> => ({ op: 'upsert', row });

export const remove = <Key>(key: Key, version?: number | bigint): Remove<Key> => ({ op: 'remove', key, version });
