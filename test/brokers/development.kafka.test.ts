import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder';
import { itWithOwn } from './jest/tests';
import { kafkaAnswers } from './kafka-answers';
import { kafkaJars } from './kafka-jars';

itWithOwn('kafka')('npm run brokers: up, still up, its status, down', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'tidemark-development-'));
  await symlink(join(cacheFolder(), kafkaJars.folder), join(cache, kafkaJars.folder));
  const env = { ...process.env, TIDEMARK_CACHE: cache };
  const main = join(__dirname, '../dist/brokers/main.js');
  const brokers = async (...args: readonly string[]) =>
    (await promisify(execFile)(process.execPath, [main, ...args], { env })).stdout.trim();
  try {
    const said = await brokers('up', 'kafka');
    const [, address = '', pid = ''] = /^kafka is up at (\S+) \(pid (\d+)\): TIDEMARK_KAFKA=\1$/.exec(said) ?? [said];
    await kafkaAnswers([address]); // though the process that started it has ended
    expect(await brokers('up', 'kafka')).toBe(
      `kafka is up already at ${address} (pid ${pid}): TIDEMARK_KAFKA=${address}`,
    );
    const status = await brokers('status');
    expect(status.startsWith(`kafka: answers at ${address}, pid ${pid}, log and data in ${cache}`)).toBe(true);
    expect(await brokers('down')).toBe('kafka is down, its data is removed');
    expect(await brokers('status')).toBe('kafka: not up');
    expect(existsSync(status.slice(status.lastIndexOf(cache)))).toBe(false);
    await expect(kafkaAnswers([address])).rejects.toThrow();
  } finally {
    await brokers('down');
    await rm(cache, { recursive: true });
  }
  await expect(brokers('up', 'kafak')).rejects.toThrow('no broker is called kafak; there is kafka');
  await expect(brokers('sideways')).rejects.toThrow('npm run brokers -- up|down|status [kafka]…');
});
