import {
  type Change,
  type Log,
  type NewRecord,
  type Position,
  type Replica,
  type Rows,
  type SnapshotSource,
  type Topics,
  type TopicOf,
  type Transport,
} from '@tidemark/core';
import { type Work } from './model';

/** Ports as adapters give them. Nothing here exists at run time: type tests are compiled, never run. */
export declare const snapshot: SnapshotSource;
export declare const assignmentsOnly: Transport<'assignments'>;
export declare const assignmentsAndTitles: Transport<'assignments' | 'titles'>;
export declare const works: Replica<Change<Work>>;

/** As a Kafka, a JetStream or an embedded adapter would declare its log. */
export declare function namedLog<const N extends Topics<string>>(options: {
  readonly topics: N;
  readonly group?: string | undefined;
}): Log<TopicOf<N>>;
export declare function subjectLog<
  const N extends Topics<{ readonly stream: string; readonly subjects?: readonly string[] | undefined }>,
>(options: { readonly topics: N }): Log<TopicOf<N>>;

export interface Reader {
  rows(sql: string, ...parameters: readonly (string | null)[]): Iterable<unknown>;
}
export interface EmbeddedLog<T extends string> extends Log<T> {
  append(topic: T, records: readonly NewRecord[]): Position;
  snapshot(rows: Rows<T, Reader>): SnapshotSource;
}
export declare function embeddedLog<const N extends Topics<{ readonly partitions: number }>>(options: {
  readonly topics: N;
}): EmbeddedLog<TopicOf<N>>;

/** As a replica over the user's own tables would. */
export interface Transaction {
  run(sql: string, ...parameters: readonly (string | number | null)[]): void;
}
export declare function ownTables<M>(handlers: {
  clear(tx: Transaction, scope?: string): void;
  apply(tx: Transaction, message: M): void;
}): Replica<M>;
