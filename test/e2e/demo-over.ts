import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BrokerName } from '../brokers/brokers';
import { addressOf } from '../brokers/jest/tests';
import { addressVariable } from '../brokers/variables';

const root = join(__dirname, '../..');

const deadlineMs = 110_000;

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'tidemark-demo-test-'))));
afterEach(() => rmSync(dir, { recursive: true }));

async function demo(broker: BrokerName, ...options: readonly string[]): Promise<string> {
  const main = join(root, 'examples/demo/dist/main.js');
  const args = [main, '--broker', broker, '--dump', dir, ...options];
  const env = { ...process.env, [addressVariable(broker)]: addressOf(broker) };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: deadlineMs });
  return stdout.trimEnd().split('\n').at(-1) ?? '';
}

const dumped = (side: string) => readFileSync(join(dir, `${side}.ndjson`), 'utf8');

/** `npm run demo -- --broker …`, as built, on the broker of the tests. `topics`: those of demos that are in there. */
export function demosOver(broker: BrokerName, title: string, topics: () => Promise<readonly string[]>): void {
  it(`I1, I2: media assignments over ${title}, with kills and an expired log, end in verified`, async () => {
    const before = await topics();
    const last = await demo(broker, '--size', '40', '--kills', '3');
    expect(last).toMatch(/^verified: replica equals source, \d+ rows, 400 updates, 4 restarts, position /);
    expect(dumped('replica')).toBe(dumped('source'));
    expect(dumped('source').split('\n').length).toBeGreaterThan(20);
    expect(await topics()).toEqual(before);
  });

  it(`I1, I2: a history over ${title} ends in verified`, async () => {
    const file = join(dir, 'x-history.ndjson');
    const lines = Array.from({ length: 300 }, (_, i) => {
      const path = `src/${i % 37}.ts`;
      const commit = `c${Math.floor(i / 3)}`;
      return i % 11 === 10
        ? { commit, path, op: 'delete' }
        : { commit, path, op: 'upsert', mode: '100644', blob: `b${i}` };
    });
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const last = await demo(broker, '--input', 'history', '--file', file);
    expect(last).toMatch(/^verified: replica equals source, \d+ rows, 300 updates, 2 restarts, position /);
    expect(dumped('replica')).toBe(dumped('source'));
  });

  it(`I1, I2: a git repository over ${title} is what git lists`, async () => {
    const repo = join(dir, 'repo');
    const git = (...args: readonly string[]) => promisify(execFile)('git', ['-C', repo, ...args]);
    await promisify(execFile)('git', ['init', '-q', repo]);
    for (let commit = 0; commit < 30; commit++) {
      for (let file = 0; file < 4; file++)
        writeFileSync(join(repo, `${(commit + file) % 9}.txt`), `${commit} ${file}\n`);
      if (commit % 7 === 6) await git('rm', '-q', '-f', '--ignore-unmatch', '0.txt');
      await git('add', '-A');
      await git(
        '-c',
        'user.name=t',
        '-c',
        'user.email=t@example.org',
        'commit',
        '-q',
        '--allow-empty',
        '-m',
        `${commit}`,
      );
    }
    const last = await demo(broker, '--input', 'git', '--repo', repo, '--kills', '0');
    expect(last).toMatch(/^verified: replica equals source, \d+ rows, \d+ updates, 1 restarts, position /);
    expect(dumped('replica')).toBe(dumped('source'));
  });
}
