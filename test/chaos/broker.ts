import { type NewRecord, type Position, type Rows, type SnapshotSource, type Transport } from '@tidemark/core';
import { type HttpHandler } from '@tidemark/http';
import { type SqliteDatabase } from '@tidemark/sqlite';
import { type Database } from './things';

/** Everything that can be done to a world; faults.ts says how. */
export const faultNames = [
  'killA',
  'restartA',
  'killB',
  'restartB',
  'freezeB',
  'cut',
  'truncate',
  'slow',
  'blackHole',
  'trim',
  'recreate',
  'bootstrapTogether',
  'deploy',
  'databaseFull',
  'clockJump',
] as const;
export type FaultName = (typeof faultNames)[number];

/** Where a world is: A's files (`a.db` and what the log needs), and A's URL as B sees it, through the proxy. */
interface Place {
  readonly directory: string;
  readonly url: string;
}

/** What one file in `brokers/` supplies. The topic is `things`, with {@link partitions} partitions. */
export interface Broker {
  /** What makes sense for this log. */
  readonly faults: readonly FaultName[];
  /** In A's process. */
  publish(place: Pick<Place, 'directory'>, db: Database, rows: Rows<'things', SqliteDatabase>): Publishing;
  /** In B's process. `owner`: the instances share the partitions under such names; absent: each reads all. */
  follow(place: Pick<Place, 'url'>, db: Database, options: FollowOptions): Transport<'things'>;
  /** In the runner, whether A lives or not. */
  look(place: Pick<Place, 'directory'>): LogFromOutside;
}

export interface FollowOptions {
  readonly owner?: string | undefined;
  /** How long the other side may be silent, in milliseconds; absent: the defaults. */
  readonly silentMs?: number | undefined;
}

interface Publishing {
  /** Inside the transaction that is open on A's connection. */
  append(records: readonly NewRecord[]): void;
  readonly snapshot: SnapshotSource;
  /** What A serves beside `/snapshot`, for a log that comes over HTTP. */
  readonly feed?: HttpHandler | undefined;
  close(): PromiseLike<void>;
}

export interface LogFromOutside {
  head(): Promise<Position>;
  /** Removes all but the newest `keep` records of each partition. */
  trim(keep: number): void | Promise<void>;
  recreate(): void | Promise<void>;
  close(): PromiseLike<void>;
}

export const partitions = 4;
