import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** Where what was fetched stays: `TIDEMARK_CACHE`, or `tidemark` in the user's cache folder. */
export function cacheFolder(): string {
  const { TIDEMARK_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (TIDEMARK_CACHE) return TIDEMARK_CACHE;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'tidemark');
  const users = process.platform === 'win32' ? LOCALAPPDATA : XDG_CACHE_HOME;
  return join(users === undefined || users === '' ? join(homedir(), '.cache') : users, 'tidemark');
}
