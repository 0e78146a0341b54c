import { type RefetchReason, type Status } from '@tidemark/core';

/** What the driver orders a process to do. */
export type Order =
  /** Source: replay until this many updates are written in all. */
  | { readonly order: 'write'; readonly upTo: number }
  /** Source: where does the log end? */
  | { readonly order: 'head' }
  /** Source: drop everything from the log that is in it now. */
  | { readonly order: 'trim' }
  | { readonly order: 'stop' };

/** What the source's process tells. */
export type SourceSays =
  /** It listens on 127.0.0.1; `total` is how many updates it has to replay (0: it has nothing of its own to replay). */
  | { readonly says: 'ready'; readonly port: number; readonly total: number }
  /** So many updates are written in all, and there are more to come. */
  | { readonly says: 'writing'; readonly updates: number }
  /** The order to write is carried out: so many updates are written in all. */
  | { readonly says: 'written'; readonly updates: number }
  /** Where the log ends, as a token. */
  | { readonly says: 'head'; readonly position: string }
  | { readonly says: 'trimmed' }
  | Failed;

/** What the follower's process tells. */
export type FollowerSays =
  /** Where it stands: updates applied since this process started, rows in the replica, the stored position as a token. */
  | {
      readonly says: 'progress';
      readonly status: Status;
      readonly updates: number;
      readonly rows: number;
      readonly position: string | undefined;
    }
  | { readonly says: 'snapshotStart' }
  | { readonly says: 'snapshotEnd'; readonly rows: number }
  | { readonly says: 'mustRefetch'; readonly reason: RefetchReason }
  | { readonly says: 'trouble'; readonly error: string }
  | Failed;

/** The process ends now, because of this. */
export interface Failed {
  readonly says: 'failed';
  readonly error: string;
}
