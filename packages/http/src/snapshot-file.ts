import { type Position, SnapshotRejected, type SnapshotSource, SyncError, Unavailable } from '@tidemark/core';
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type BytesSnapshotOptions, snapshotOfBytes } from './snapshot-bytes';
import { canonicalScope } from './snapshot-scope';
import { writeSnapshot } from './snapshot-writer';

/**
 * A snapshot that lies in a file, written by {@link writeSnapshotFile} or by anybody who keeps to docs/spec/snapshot-protocol.md
 * (the file is the body, uncompressed). Read by B itself, or behind `serveSnapshot` for several clients, each in its own time; a
 * client that broke off goes on where it was, also after A was restarted, as long as the file has the same snapshot. The path
 * may be a function of the scope, asked at each opening; a scope comes from outside, so never paste it into a path unchecked.
 *
 * Throws what {@link bytesSnapshot} throws; a file that isn't there yet is `Unavailable`.
 *
 * @example serveSnapshot(fileSnapshot('/var/lib/y/assignments.ndjson'))
 */
export function fileSnapshot(
  path: string | ((scope: string | undefined) => string),
  options: BytesSnapshotOptions = {},
): SnapshotSource {
  const pathOf = (scope: string | undefined) => (typeof path === 'string' ? path : path(scope));
  return snapshotOfBytes(
    ({ scope, signal }) => createReadStream(pathOf(scope), { signal, highWaterMark: 262_144 }),
    options,
    (scope) => `snapshot file ${pathOf(scope)}`,
  );
}

export interface WriteSnapshotFileOptions {
  /** Which part of the state; absent = everything. */
  readonly scope?: string | undefined;
  /** Ends it; what was written so far is removed. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes a snapshot and puts it into a file, all at once: it is written beside, synchronised to the disk and renamed, so that
 * readers find the old one or the new one, whole. Whoever reads the old one reads on.
 *
 * Throws what the source throws, `SnapshotRejected` where that isn't a whole snapshot of the scope, and `Unavailable` where the
 * disk refuses; the old file is intact then.
 */
export async function writeSnapshotFile(
  source: SnapshotSource,
  path: string,
  options: WriteSnapshotFileOptions = {},
): Promise<{ readonly id: string; readonly position: Position }> {
  const what = `snapshot file ${path}`;
  const life = new AbortController();
  const signal = options.signal === undefined ? life.signal : AbortSignal.any([options.signal, life.signal]);
  const scope = canonicalScope(options.scope);
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    signal.throwIfAborted();
    const snapshot = await source.open({ scope, signal });
    if (canonicalScope(snapshot.scope) !== scope || snapshot.resumed === true)
      throw new SnapshotRejected(`${what}: the source gave no whole snapshot of the scope that was asked for`, false);
    const frames = writeSnapshot(snapshot, snapshot.chunks[Symbol.asyncIterator](), undefined, signal);
    await synced(await open(beside, 'wx'), (file) => writeFile(file, frames));
    await rename(beside, path);
    await synced(await open(dirname(path), 'r'));
    return { id: snapshot.id, position: snapshot.position };
  } catch (cause) {
    life.abort(cause);
    await rm(beside, { force: true });
    const { code, syscall } = Object(cause) as { code?: unknown; syscall?: unknown };
    if (cause instanceof SyncError || typeof syscall !== 'string') throw cause;
    throw new Unavailable(`${what}: it can't be written (${String(code)})`, { cause });
  }
}

async function synced(file: FileHandle, work?: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await work?.(file);
    await file.sync();
  } finally {
    await file.close();
  }
}
