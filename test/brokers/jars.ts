import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { cached } from './cached';
import { Unavailable } from './unavailable';

const run = (command: string, args: readonly string[], cwd?: string) =>
  promisify(execFile)(command, args, { cwd, env: process.env, shell: process.platform === 'win32' });
const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

/** What is fetched once from Maven Central. */
export interface Jars {
  /** Their folder in the cache; holds the version. */
  readonly folder: string;
  /** `group:name:version`; what these need comes with them, unless there are no digests for more. */
  readonly artifacts: readonly string[];
  /** SHA-256 of every file that was reviewed, by its name. No other file is accepted. */
  readonly digests: Readonly<Record<string, string>>;
}

/** The major version of the Java on PATH. Rejects with `Unavailable` where there is none, or an older one than `atLeast`. */
export async function java(atLeast: number): Promise<number> {
  const howTo = `get Java ${atLeast} or newer; for example: apt-get install default-jre-headless`;
  const said = await run('java', ['-version']).catch(() => {
    throw new Unavailable(`no Java found: ${howTo}`);
  });
  const [, first = '0', second = '0'] = /version "(\d+)(?:\.(\d+))?/.exec(said.stderr + said.stdout) ?? [];
  const major = Number(first === '1' ? second : first);
  if (major < atLeast) throw new Unavailable(`the Java on PATH is of version ${major}: ${howTo}`);
  return major;
}

/** The folder that holds exactly these files. Rejects with `Unavailable` where Maven can't be had, or can't get them. */
export function fetched(jars: Jars): Promise<string> {
  return cached({
    name: jars.folder,
    wrongWith: (folder) => wrongWith(folder, jars),
    async bring(empty) {
      await run('mvn', ['-version']).catch(() => {
        throw new Unavailable(`no Maven found: it fetches ${jars.folder} once; for example: apt-get install maven`);
      });
      await writeFile(join(empty, 'pom.xml'), projectOf(jars.artifacts));
      const alone = Object.keys(jars.digests).length === jars.artifacts.length;
      const args = ['-DoutputDirectory=jars', `-DexcludeTransitive=${alone}`];
      await run('mvn', ['-q', '-B', `${plugin}:copy-dependencies`, ...args], empty).catch((error: unknown) => {
        const { stdout, stderr } = error as { stdout: string; stderr: string };
        throw new Unavailable(`${jars.artifacts.join(', ')} from Maven Central: ${stdout}${stderr}`);
      });
      return join(empty, 'jars');
    },
  });
}

async function wrongWith(folder: string, { digests }: Jars): Promise<string | undefined> {
  const there = await readdir(folder).catch(() => undefined);
  if (there === undefined) return 'there is nothing';
  const unknown = there.find((name) => !Object.hasOwn(digests, name));
  if (unknown !== undefined) return `nobody reviewed ${unknown}`;
  for (const [name, digest] of Object.entries(digests)) {
    if (!there.includes(name)) return `${name} is missing`;
    const found = createHash('sha256').update(await readFile(join(folder, name)));
    if (found.digest('hex') !== digest) return `the SHA-256 of ${name} differs`;
  }
  return undefined;
}

function projectOf(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group = '', name = '', version = ''] = artifact.split(':');
    const what = `<groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>`;
    return `<dependency>${what}</dependency>`;
  });
  return `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>tidemark</groupId><artifactId>fetch</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>${dependencies.join('')}</dependencies>
</project>
`;
}
