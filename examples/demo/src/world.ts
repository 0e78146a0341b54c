import { type Position } from '@tidemark/core';

/** What is replicated: what differs between the inputs. */
export interface World {
  /** For people: `media assignments`. */
  readonly what: string;
  readonly source: { readonly file: string; readonly options: object };
  /** The follower's options lack the source's URL, which isn't known before the source runs. */
  readonly follower: { readonly file: string; readonly options: object };
  /** Has the source's updates written: by its API, or by letting it replay. */
  readonly workload: (source: RunningSource) => Workload;
  /** The source's rows, translated; what the replica should hold. */
  readonly sourceRows: () => Iterable<object>;
  /** The replica's rows as they are. */
  readonly replicaRows: () => Iterable<object>;
  /** How many updates came to the follower that its snapshot had already. */
  readonly toldAgain: () => number;
  /** A snapshot's place in the log is exact: nothing may come again. */
  readonly exact: boolean;
  /** Drops the log up to here; absent where the source does that. */
  readonly trim?: ((through: Position) => Promise<void>) | undefined;
  /** The property that tells rows apart. */
  readonly key: string;
  /** What others say the replica should hold. */
  readonly oracles: readonly Oracle[];
}

export interface RunningSource {
  readonly url: string;
  /** How many updates it has to replay. */
  readonly total: number;
  /** Orders it to replay until so many updates are written in all, and waits for that. Answers how many are. */
  readonly replay: Workload['writeTo'];
}

export interface Workload {
  /** How many updates there will be. */
  readonly total: number;
  /** How many should be written before the follower starts. */
  readonly initial: number;
  /** Until so many updates are written in all. Answers how many are. */
  readonly writeTo: (updates: number, onWritten: (updates: number) => void) => Promise<number>;
}

/** An independent expectation: some of each row's content, by key. */
export interface Oracle {
  /** For people: `git ls-tree`. */
  readonly name: string;
  readonly expected: () => Promise<ReadonlyMap<string, string>>;
  /** The same of a replica's row. */
  readonly content: (row: object) => string;
}
