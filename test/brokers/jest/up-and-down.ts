import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { type BrokerName, brokers } from '../brokers';
import { cacheFolder } from '../cache-folder';
import { addressVariable } from '../variables';

/** What `npm run brokers` says, with this cache. */
export async function brokersSay(cache: string, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, TIDEMARK_CACHE: cache };
  const main = join(__dirname, '../../dist/brokers/main.js');
  return (await promisify(execFile)(process.execPath, [main, ...args], { env })).stdout.trim();
}

/** `npm run brokers`: up, still up, its status, down; `fetched`: the folders in the cache that this broker needs. */
export async function upAndDown(name: BrokerName, fetched: readonly string[]): Promise<void> {
  const cache = await mkdtemp(join(tmpdir(), 'tidemark-development-'));
  for (const folder of fetched) await symlink(join(cacheFolder(), folder), join(cache, folder));
  const say = (...args: readonly string[]) => brokersSay(cache, ...args);
  const { answers } = brokers[name];
  const variable = addressVariable(name);
  try {
    const said = await say('up', name);
    const [, address = '', pid = ''] = /^\S+ is up at (\S+) \(pid (\d+)\): /.exec(said) ?? [];
    expect(said).toBe(`${name} is up at ${address} (pid ${pid}): ${variable}=${address}`);
    await answers(address); // though the process that started it has ended
    expect(await say('up', name)).toBe(`${name} is up already at ${address} (pid ${pid}): ${variable}=${address}`);
    const status = await say('status', name);
    expect(status.startsWith(`${name}: answers at ${address}, pid ${pid}, log and data in ${cache}`)).toBe(true);
    expect(await say('down', name)).toBe(`${name} is down, its data is removed`);
    expect(await say('status', name)).toBe(`${name}: not up`);
    expect(existsSync(status.slice(status.lastIndexOf(cache)))).toBe(false);
    await expect(answers(address)).rejects.toThrow();
  } finally {
    await say('down', name);
    await rm(cache, { recursive: true });
  }
}
