import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './cache-folder';

/** A folder that is brought once. */
export interface Cached {
  /** Its name in the cache; holds the version. */
  readonly name: string;
  /** What is wrong with a folder that should be this one; absent: nothing. */
  wrongWith(folder: string): Promise<string | undefined>;
  /** Brings it into an empty folder; fulfils with where it is in there. */
  bring(empty: string): Promise<string>;
}

/**
 * Where it is in the cache; brings it where it isn't, or isn't whole. Processes that do this at the same time don't disturb each
 * other: it appears there whole, and the first one stays.
 */
export async function cached({ name, wrongWith, bring }: Cached): Promise<string> {
  const cache = cacheFolder();
  const folder = join(cache, name);
  if ((await wrongWith(folder)) === undefined) return folder;
  await mkdir(cache, { recursive: true });
  const own = await mkdtemp(join(cache, 'fetch-'));
  try {
    const brought = await bring(own);
    const wrong = await wrongWith(brought);
    if (wrong !== undefined) throw new Error(`${name} isn't what was reviewed: ${wrong}`);
    for (let tries = 1; ; tries++)
      try {
        await rename(brought, folder);
        return folder;
      } catch (error) {
        // one that another process has brought meanwhile stays; one that isn't whole gives way
        if ((await wrongWith(folder)) === undefined) return folder;
        if (tries === 3) throw error;
        await rm(folder, { recursive: true, force: true });
      }
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
