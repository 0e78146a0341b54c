import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { covers } from '@tidemark/core';
import { openDatabase } from '../../support/src/database';
import { openA } from '../src/a-service';
import { followA } from '../src/b-log';
import { treePipeline } from '../src/b-pipeline';
import { replicaRows, sourceRows } from '../src/compare-rows';
import { GitFailed, headCommit } from '../src/git';
import { MalformedHistory } from '../src/history-file';
import { type Input, openHistory } from '../src/input';
import { lsTree } from '../src/ls-tree';
import { pathText } from '../src/path-text';

const deadlineMs = 10_000;

let dir: string;
let repo: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tidemark-git-'));
  repo = join(dir, 'repo');
  mkdirSync(repo);
});
afterEach(() => rmSync(dir, { recursive: true }));

const env = {
  ...process.env,
  ...{
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@example.com',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@example.com',
  },
  ...{ GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
};
const git = (...args: string[]) => execFileSync('git', ['-C', repo, ...args], { env, stdio: 'pipe' });
const put = (path: string | Buffer, text: string) => {
  const at = Buffer.concat([Buffer.from(`${repo}/`), Buffer.from(path)]);
  writeFileSync(at, text);
};
const commit = (message: string) => {
  git('add', '-A');
  git('commit', '-q', '-m', message);
};

/** A repository with what git can hold: programs, links, deletions, returns, a merge, odd names, a file that becomes a directory. */
function makeHistory(): void {
  git('init', '-q', '-b', 'main');
  put('read me.txt', '1');
  put('run', '#!/bin/sh');
  mkdirSync(join(repo, 'src'));
  put('src/größe.ts', '1');
  put('thing', 'a file');
  commit('first');
  chmodSync(join(repo, 'run'), 0o755);
  symlinkSync('run', join(repo, 'link'));
  put(Buffer.from([0x66, 0xff, 0x22]), 'no UTF-8');
  put('"quoted"\n', 'odd');
  commit('second');
  git('checkout', '-q', '-b', 'side');
  put('src/side.ts', '1');
  commit('on the side');
  git('checkout', '-q', 'main');
  rmSync(join(repo, 'read me.txt'));
  rmSync(join(repo, 'thing'));
  mkdirSync(join(repo, 'thing'));
  put('thing/inside', 'now a directory');
  commit('third');
  git('merge', '-q', '--no-ff', '-m', 'merge', 'side');
  git('commit', '-q', '--allow-empty', '-m', 'nothing');
  put('read me.txt', 'back again');
  commit('last');
}

async function replicate(input: Input) {
  const [aFile, bFile] = [join(dir, 'a.db'), join(dir, 'b.db')];
  const a = await openA({ input, file: aFile });
  const server = createServer(a.handle);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const db = openDatabase(bFile);
  const pipeline = treePipeline(followA({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }), db);
  try {
    const half = await a.write(Math.floor(a.total / 2), () => undefined);
    const running = pipeline.run();
    await pipeline.caughtUp({ timeoutMs: deadlineMs });
    const written = await a.write(a.total, () => undefined);
    const [head, end] = [await a.head(), Date.now() + deadlineMs];
    for (let at = await pipeline.position(); !at || !covers(at, head); at = await pipeline.position()) {
      if (Date.now() > end) throw new Error('B has not caught up within the deadline');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await pipeline.stop();
    await running;
    return { half, written, total: a.total, source: [...sourceRows(aFile)], replica: [...replicaRows(bFile)] };
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await a.close();
    db.close();
  }
}

it("the replica is the tree that git lists, and each path's changes are counted once", async () => {
  makeHistory();
  const commit = await headCommit(repo);
  const { source, replica, half, written, total } = await replicate({ from: 'git', repo, commit });
  const tree = await lsTree(repo, commit);
  expect(new Map(replica.map(({ path, mode, blob }) => [path, `${mode} ${blob}`]))).toEqual(tree);
  expect(replica).toEqual(source);
  expect([...tree.keys()].sort()).toEqual([
    '"\\042quoted\\042\\012"',
    '"f\\377\\042"',
    'link',
    'read me.txt',
    'run',
    'src/größe.ts',
    'src/side.ts',
    'thing/inside',
  ]);
  expect(replica.find(({ name }) => name === 'run')).toMatchObject({ kind: 'program', directory: '.', changes: 2 });
  expect(replica.find(({ name }) => name === 'link')).toMatchObject({ kind: 'link' });
  expect(replica.find(({ name }) => name === 'read me.txt')).toMatchObject({ changes: 1 });
  expect({ half, written, total }).toEqual({ half: 6, written: 13, total: 13 });
});

const line = (commit: string, path: string, blob?: string) =>
  JSON.stringify({ commit, time: 1, path, ...(blob ? { op: 'upsert', mode: '100644', blob } : { op: 'delete' }) });

it('reads a history from a file, gzipped or not', async () => {
  const lines = [line('1', 'a', 'x'), line('1', 'b', 'x'), line('2', 'a'), line('3', 'a', 'y'), line('3', 'b', 'z')];
  const plain = join(dir, 'history.ndjson');
  writeFileSync(plain, lines.join('\n'));
  const file = join(dir, 'history.ndjson.gz');
  writeFileSync(file, gzipSync(`${lines.join('\n')}\n`));
  const { replica, total } = await replicate({ from: 'file', file });
  expect(total).toBe(5);
  expect(replica).toMatchObject([
    { path: 'a', blob: 'y', changes: 1 },
    { path: 'b', blob: 'z', changes: 2 },
  ]);
  const read = async (from: string) => {
    const commits = [];
    for await (const one of openHistory({ from: 'file', file: from })) commits.push(one);
    return commits;
  };
  expect(await read(plain)).toEqual(await read(file));
  expect((await read(plain)).map(({ commit, changes }) => `${commit}: ${changes.length}`)).toEqual([
    '1: 2',
    '2: 1',
    '3: 2',
  ]);
});

it('says which line of a file is no change, and that a file is missing or cut off', async () => {
  const read = async (file: string) => {
    for await (const one of openHistory({ from: 'file', file })) expect(one.changes.length).toBeGreaterThan(0);
  };
  const file = join(dir, 'broken.ndjson');
  writeFileSync(file, `${line('1', 'a', 'x')}\n{"commit":"1","op":"upsert","path":"b"}\n`);
  await expect(read(file)).rejects.toThrow(MalformedHistory);
  await expect(read(file)).rejects.toThrow('line 2');
  await expect(read(join(dir, 'missing.ndjson'))).rejects.toThrow('ENOENT');
  const cut = join(dir, 'cut.ndjson.gz');
  writeFileSync(cut, gzipSync(line('1', 'a', 'x')).subarray(0, -9));
  await expect(read(cut)).rejects.toThrow('unexpected end of file');
});

it('says what git says when there is no repository, or no commit', async () => {
  await expect(headCommit(repo)).rejects.toThrow(GitFailed);
  git('init', '-q');
  await expect(headCommit(repo)).rejects.toThrow(/git rev-parse in .*: fatal/);
});

it('shows different paths differently', () => {
  const text = (...bytes: number[]) => pathText(Uint8Array.from(bytes));
  expect(text(0x61, 0x2f, 0x62)).toBe('a/b');
  expect(text(0xff)).toBe('"\\377"');
  expect(pathText(Buffer.from('"\\377"'))).toBe('"\\042\\134377\\042"');
  expect(pathText(Buffer.from('\ufeffa'))).toBe('\ufeffa');
});
