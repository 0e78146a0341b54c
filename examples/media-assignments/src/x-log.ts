import { type SnapshotSource, type Transport } from '@tidemark/core';
import { httpFeed, httpSnapshot } from '@tidemark/http';

/** The one module of X's that names a log: Y's feed over HTTP, and where Y serves its state. */
export const followY = (
  url: string,
): { readonly snapshot: SnapshotSource; readonly transport: Transport<'assignments'> } => ({
  snapshot: httpSnapshot(new URL('/snapshot', url)),
  transport: httpFeed(new URL('/feed/', url), { topics: ['assignments'] }),
});
