import { readdirSync } from 'node:fs';
import process from 'node:process';

/** What a process holds after a garbage collection: bytes, and counts. */
export interface Sample {
  readonly heap: number;
  readonly rss: number;
  /** Sockets, servers, timers and requests that libuv knows. */
  readonly handles: number;
  /** Open file descriptors; -1 where the system doesn't tell. */
  readonly files: number;
}

/** Of this process, which must run with `--expose-gc`. */
export function sample(): Sample {
  if (globalThis.gc === undefined) throw new Error('run it with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  const { heapUsed: heap, rss } = process.memoryUsage();
  return { heap, rss, handles: process.getActiveResourcesInfo().length, files: openFiles() };
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return -1;
  }
}
