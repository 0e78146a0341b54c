import { type NewRecord, type Position, type Rows, type SnapshotSource, type Transport } from '@tidemark/core';
import { type HttpHandler } from '@tidemark/http';
import { type SqliteDatabase } from '@tidemark/sqlite';
import { type Database } from './things';

/** Everything that can be done to a world whose log A holds itself; faults.ts says how. */
export const embeddedFaults = [
  'killA',
  'restartA',
  'freezeA',
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
/** And what can be done to a broker. */
export const brokerFaults = ['killBroker', 'freezeBroker'] as const;
export type FaultName = (typeof embeddedFaults)[number] | (typeof brokerFaults)[number];

/** Where a world is: A's files (`a.db` and what the log needs), A's URL as B sees it, through a proxy, and its place in a broker. */
interface Place {
  readonly directory: string;
  readonly url: string;
  readonly service?: ServicePlace | undefined;
}

/** A broker as one side sees it: A and B through a proxy, the runner directly. */
export interface ServicePlace {
  /** `host:port`; whatever addresses the broker tells itself are left alone. */
  readonly address: string;
  /** The world's own in there: no other world uses this name. */
  readonly name: string;
}

/** A broker that the runner has started, for all of its rounds. */
export interface Service {
  /** The same after a restart. */
  readonly address: string;
  kill(): Promise<void>;
  /** Fulfils when it answers again, with what it held before. */
  restart(): Promise<void>;
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** What one file in `brokers/` supplies. The topic is `things`, with {@link partitions} partitions. */
export interface Broker {
  /** What makes sense for this log. */
  readonly faults: readonly FaultName[];
  /** Starts what holds the log; absent where A holds it. */
  start?(): Promise<Service>;
  /** In A's process. */
  publish(place: Pick<Place, 'directory' | 'service'>, db: Database, rows: Rows<'things', SqliteDatabase>): Publishing;
  /** In B's process. `owner`: the instances share the partitions under such names; absent: each reads all. */
  follow(place: Pick<Place, 'url' | 'service'>, db: Database, options: FollowOptions): Transport<'things'>;
  /** In the runner, whether A lives or not. */
  look(place: Pick<Place, 'directory' | 'service'>): LogFromOutside;
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
  /** Fulfils when all that was appended stands in the log. */
  drained(): Promise<void>;
  close(): PromiseLike<void>;
}

export interface LogFromOutside {
  head(): Promise<Position>;
  /** Removes all but the newest `keep` records of each partition. */
  trim(keep: number): void | Promise<void>;
  /** Absent where that isn't among the faults. */
  recreate?(): void | Promise<void>;
  close(): PromiseLike<void>;
}

export const partitions = 4;

export function placeIn(service: ServicePlace | undefined): ServicePlace {
  if (service === undefined) throw new Error('this log needs a broker');
  return service;
}
