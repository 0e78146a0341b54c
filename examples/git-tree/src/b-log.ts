import { type SnapshotSource, type Transport } from '@tidemark/core';
import { httpFeed, httpSnapshot } from '@tidemark/http';

/** The one module of B's that names a log: A's feed over HTTP, and where A serves its state. */
export const followA = (
  url: string,
): { readonly snapshot: SnapshotSource; readonly transport: Transport<'files'> } => ({
  snapshot: httpSnapshot(new URL('/snapshot', url)),
  transport: httpFeed(new URL('/feed/', url), { topics: ['files'] }),
});
