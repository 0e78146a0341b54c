import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { natsServer, natsServers, natsVersions } from './nats-servers';
import { Unavailable } from './unavailable';

const before = { ...process.env };
const { floor, current } = natsVersions;
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-nats-servers-'));
  await mkdir(join(directory, 'bin'));
  process.env.PATH = join(directory, 'bin');
  process.env.TIDEMARK_CACHE = join(directory, 'cache');
});
afterEach(async () => {
  process.env = { ...before };
  await rm(directory, { recursive: true });
});

/** One of the few commands that are found. */
async function command(name: string, script: string): Promise<void> {
  const file = join(directory, 'bin', name);
  await writeFile(file, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
  await chmod(file, 0o755);
}
const server = (version: string) => `printf '#!/bin/sh\\necho nats-server: v${version}\\n'`;
/** A shell script that makes a server in the folder $to. */
const make = (version: string) =>
  `mkdir -p "$to" && ${server(version)} > "$to/nats-server" && chmod +x "$to/nats-server"`;
const wasAsked = 'echo "$*" >> "$TIDEMARK_CACHE/../asked"';
const asked = async () => (await readFile(join(directory, 'asked'), 'utf8')).trim().split('\n').sort();

/** Like apt-get and dpkg, where the distribution has this version. */
async function apt(version: string): Promise<void> {
  await command(
    'apt-get',
    `${wasAsked}
[ "$2" = 'nats-server=${version}*' ] || { echo "E: Version '\${2#*=}' for 'nats-server' was not found" >&2; exit 100; }
echo package > nats-server_${version}-1_amd64.deb`,
  );
  await command('dpkg', `[ -f "$2" ] && to=$3/usr/sbin && ${make(version)}`);
}
const go = () => command('go', `${wasAsked}\nto=$GOBIN version=\${2##*@v} && ${make("'$version'")}`);

it('the floor comes from the distribution, the current one by Go; each once', async () => {
  await apt(floor);
  await go();
  const [first, second] = await natsServers();
  expect(first).toBe(join(directory, 'cache', `nats-server-${floor}`, 'nats-server'));
  expect(second).toBe(join(directory, 'cache', `nats-server-${current}`, 'nats-server'));
  expect(await natsServers()).toEqual([first, second]);
  expect(await asked()).toEqual([
    `download nats-server=${floor}*`,
    `install github.com/nats-io/nats-server/v2@v${current}`,
  ]);
});

it('a distribution that has another one doesn’t do: the floor comes by Go', async () => {
  await apt('2.10.18');
  await go();
  await natsServer('floor');
  expect(await asked()).toEqual([
    `download nats-server=${floor}*`,
    `install github.com/nats-io/nats-server/v2@v${floor}`,
  ]);
});

it('what isn’t whole any more, or is another, is brought again', async () => {
  await go();
  const file = await natsServer('current');
  await writeFile(file, '');
  expect(await natsServer('current')).toBe(file);
  await writeFile(file, '#!/bin/sh\necho nats-server: v2.15.0\n');
  expect(await natsServer('current')).toBe(file);
  expect(await asked()).toHaveLength(3);
  expect(await readdir(join(directory, 'cache'))).toEqual([`nats-server-${current}`]);
});

it('who brings it at the same time as others gets the same one', async () => {
  // nobody is done before all have begun
  await command(
    'go',
    `${wasAsked}
until [ "$(wc -l < "$TIDEMARK_CACHE/../asked")" -ge 4 ]; do sleep 0.02; done
to=$GOBIN && ${make(current)}`,
  );
  const all = await Promise.all(Array.from({ length: 4 }, () => natsServer('current')));
  expect(new Set(all).size).toBe(1);
  expect(await asked()).toHaveLength(4);
  expect(await readdir(join(directory, 'cache'))).toEqual([`nats-server-${current}`]);
});

it('what is brought has to be what was asked for', async () => {
  await command('go', `to=$GOBIN && ${make('2.15.0')}`);
  await expect(natsServer('current')).rejects.toThrow(`nats-server-${current} isn't what was reviewed: it is 2.15.0`);
  expect(await readdir(join(directory, 'cache'))).toEqual([]);
});

it.each([
  ['floor', floor],
  ['current', current],
  ['current', current.replace(/\d+$/, (patch) => String(Number(patch) + 8))],
  ['current', current.replace(/\.\d+\.\d+$/, '.100.0')],
] as const)('the %s is the one on PATH, where that is %s', async (which, version) => {
  await command('nats-server', `echo nats-server: v${version}`);
  expect(await natsServer(which)).toBe('nats-server');
});

it.each([
  ['floor', current],
  ['floor', '2.9.11'],
  ['current', '2.14.9'],
  ['current', '2.15.1'],
  ['current', '3.0.0'],
  ['current', '2.16.0-RC.1'],
] as const)('the %s is not the one on PATH, where that is %s', async (which, version) => {
  await command('nats-server', `echo nats-server: v${version}`);
  await go();
  expect(await natsServer(which)).toContain(join(directory, 'cache'));
});

it('says what was tried, and how to get it', async () => {
  const howTo =
    'put a server from github.com/nats-io/nats-server/releases on PATH, or get Go 1.26 (1.21 and newer fetch it)';
  await expect(natsServer('current')).rejects.toThrow(
    new Unavailable(`no nats-server ${current} (on PATH: none; go install: no go found): ${howTo}`),
  );
  await apt('2.10.18');
  await command('go', 'echo one >&2; echo "go: no such version" >&2; exit 1');
  await command('nats-server', 'echo nats-server: v2.10.18');
  const tried =
    `on PATH: 2.10.18; apt-get download: E: Version '${floor}*' for 'nats-server' was not found; ` +
    'go install: one / go: no such version';
  await expect(natsServer('floor')).rejects.toThrow(new Unavailable(`no nats-server ${floor} (${tried}): ${howTo}`));
  await expect(natsServer('floor')).rejects.toBeInstanceOf(Unavailable);
  expect(await readdir(join(directory, 'cache'))).toEqual([]);
});
