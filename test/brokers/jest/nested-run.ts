import { spawn } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const root = join(__dirname, '../../..');

/** A run of Jest at a desk where nothing but Node and a shell is found, nor fetched before, with these variables besides. */
export async function nestedRun(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly out: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-desk-'));
  try {
    await symlink(process.execPath, join(path, 'node'));
    await symlink('/bin/sh', join(path, 'sh'));
    const env = { PATH: path, HOME: process.env.HOME, TIDEMARK_CACHE: join(path, 'cache'), ...variables };
    const child = spawn(process.execPath, [join(root, 'node_modules/jest/bin/jest.js'), ...args], { cwd: root, env });
    let out = '';
    child.stdout.on('data', (text: Buffer) => (out += text.toString()));
    child.stderr.on('data', (text: Buffer) => (out += text.toString()));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, out };
  } finally {
    await rm(path, { recursive: true });
  }
}
