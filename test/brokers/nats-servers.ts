/** Where `nats-server` comes from: from PATH, or once into the cache, from the distribution's packages or by Go. */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { cached } from './cached';
import { Unavailable } from './unavailable';

/** The oldest server that we support (Debian 12 has it), and the one that tests use unless they say which. */
export const natsVersions = { floor: '2.9.10', current: '2.15.2' } as const;
export type NatsVersion = keyof typeof natsVersions;

const command = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server';
const howTo =
  'put a server from github.com/nats-io/nats-server/releases on PATH, or get Go 1.26 (1.21 and newer fetch it)';

/** All of them. */
export async function natsServers(): Promise<readonly string[]> {
  return [await natsServer('floor'), await natsServer('current')];
}

/**
 * The command that is this server. On PATH a newer one of the same major version does for `current`; the floor is exactly the
 * floor. Rejects with `Unavailable`, which says what was tried.
 */
export async function natsServer(which: NatsVersion): Promise<string> {
  const version = natsVersions[which];
  if (process.platform === 'win32')
    throw new Unavailable('on Windows nats-server is not started here: use Docker, or set TIDEMARK_NATS');
  const onPath = await versionOf(command);
  if (onPath === version || (which === 'current' && isNewer(onPath, version))) return command;
  const folder = await cached({
    name: `nats-server-${version}`,
    async wrongWith(folder) {
      const found = await versionOf(join(folder, command));
      return found === version ? undefined : found === '' ? 'there is none' : `it is ${found}`;
    },
    bring: (empty) => brought(empty, which, `on PATH: ${onPath === '' ? 'none' : onPath}`),
  });
  return join(folder, command);
}

/** `2.9.10`; nothing where it isn't one that runs. */
async function versionOf(server: string): Promise<string> {
  const options = { timeout: 10_000, env: process.env };
  const said = await promisify(execFile)(server, ['--version'], options).catch(() => undefined);
  return /^nats-server: v(\d+\.\d+\.\d+)$/m.exec(said?.stdout ?? '')?.[1] ?? '';
}

function isNewer(found: string, than: string): boolean {
  const [major = 0, minor = 0, patch = 0] = found.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0, wantedPatch = 0] = than.split('.').map(Number);
  return major === wantedMajor && (minor > wantedMinor || (minor === wantedMinor && patch > wantedPatch));
}

async function brought(empty: string, which: NatsVersion, onPath: string): Promise<string> {
  const version = natsVersions[which];
  const tried = [onPath];
  for (const way of which === 'floor' ? [byApt, byGo] : [byGo])
    try {
      return await way(empty, version);
    } catch (error) {
      tried.push((error as Error).message);
    }
  throw new Unavailable(`no nats-server ${version} (${tried.join('; ')}): ${howTo}`);
}

/** Downloads the distribution's package and unpacks it, which needs no rights; apt has checked its signature. */
async function byApt(empty: string, version: string): Promise<string> {
  await run('apt-get', ['download', `nats-server=${version}*`], empty);
  const [deb = ''] = await readdir(empty);
  await run('dpkg', ['-x', deb, 'unpacked'], empty);
  return join(empty, 'unpacked', 'usr', 'sbin');
}

/** Builds it in a minute or two; Go has compared it with its checksum database. */
async function byGo(empty: string, version: string): Promise<string> {
  const bin = join(empty, 'bin');
  const env = { ...process.env, GOBIN: bin, CGO_ENABLED: '0' };
  await run('go', ['install', `github.com/nats-io/nats-server/v2@v${version}`], empty, env);
  return bin;
}

async function run(name: string, args: readonly string[], cwd: string, env = process.env): Promise<void> {
  await promisify(execFile)(name, args, { cwd, env }).catch((error: unknown) => {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
    const said = stderr.trim().split('\n').slice(-3).join(' / ');
    throw new Error(`${name} ${args[0] ?? ''}: ${code === 'ENOENT' ? `no ${name} found` : said}`, { cause: error });
  });
}
