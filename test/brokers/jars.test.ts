import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { fetched, java, type Jars } from './jars';
import { Unavailable } from './unavailable';

const before = { ...process.env };
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-jars-'));
  process.env.TIDEMARK_CACHE = join(directory, 'cache');
});
afterEach(async () => {
  process.env = { ...before };
  await rm(directory, { recursive: true });
});

/** A command on PATH, before all others. */
async function command(name: string, script: string): Promise<void> {
  const bin = join(directory, 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, name), 0o755);
  process.env.PATH = [bin, before.PATH].join(delimiter);
}
/** Like Maven, for what jars.ts asks of it; `calls` counts. */
const maven = (content: string) =>
  command('mvn', `[ "$1" = -version ] || { mkdir jars && printf '${content}' > jars/a.jar && echo x >> ../../calls; }`);
const calls = async () => (await readFile(join(directory, 'calls'), 'utf8')).trim().split('\n').length;

const jars: Jars = {
  folder: 'a-1',
  artifacts: ['some:a:1'],
  digests: { 'a.jar': createHash('sha256').update('whole').digest('hex') },
};

it('fetches once, and again what isn’t whole any more', async () => {
  await maven('whole');
  const folder = await fetched(jars);
  expect(await fetched(jars)).toBe(folder);
  expect(await calls()).toBe(1);
  await writeFile(join(folder, 'a.jar'), 'half');
  await fetched(jars);
  await writeFile(join(folder, 'b.jar'), 'more');
  await fetched(jars);
  expect(await calls()).toBe(3);
  expect(await readdir(folder)).toEqual(['a.jar']);
  expect(await readdir(join(directory, 'cache'))).toEqual(['a-1']);
});

it('accepts only what was reviewed, and keeps nothing else', async () => {
  await maven('other');
  await expect(fetched(jars)).rejects.toThrow(
    'a-1 isn’t what was reviewed: the SHA-256 of a.jar differs'.replace('’', "'"),
  );
  expect(await readdir(join(directory, 'cache'))).toEqual([]);
});

it('says how to get what isn’t there', async () => {
  process.env.PATH = directory;
  await expect(java(17)).rejects.toThrow(
    new Unavailable('no Java found: get Java 17 or newer; for example: apt-get install default-jre-headless'),
  );
  await expect(fetched(jars)).rejects.toThrow(
    /^no Maven found: it fetches a-1 once; for example: apt-get install maven$/,
  );
});

it.each([
  ['openjdk version "11.0.2" 2019-01-15', 'the Java on PATH is of version 11: get Java 17 or newer'],
  ['java version "1.8.0_292"', 'the Java on PATH is of version 8: get Java 17 or newer'],
])('an older Java doesn’t do: %s', async (said, reason) => {
  await command('java', `echo '${said}' >&2`);
  await expect(java(17)).rejects.toThrow(reason);
  await expect(java(8)).resolves.toBeLessThan(17);
});
