import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { chosenBrokers } from './brokers';
import { down, status } from './development';
import { brokersSay } from './jest/up-and-down';
import { processStart } from './process-start';

it('what is kept about a broker never ends another process that got its id', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'tidemark-development-'));
  process.env.TIDEMARK_CACHE = cache;
  const other = spawn('sleep', ['3600'], { detached: true });
  try {
    const pid = other.pid!;
    const directory = join(cache, 'brokers', 'kafka-1');
    const kept = { address: '127.0.0.1:1', pid, started: 'another time', directory };
    await mkdir(directory, { recursive: true });
    await writeFile(join(cache, 'brokers', 'kafka.json'), JSON.stringify(kept));
    expect(await status('kafka')).toBe('kafka: not up');
    expect(await down('kafka')).toBe('kafka had ended by itself; what was left of it is removed');
    expect(await processStart(pid)).toBeDefined();
    expect(existsSync(directory)).toBe(false);
    expect(await down('kafka')).toBe("kafka isn't up");
  } finally {
    other.kill('SIGKILL');
    delete process.env.TIDEMARK_CACHE;
    await rm(cache, { recursive: true });
  }
});

it('TIDEMARK_BROKERS names brokers that there are', () => {
  expect(chosenBrokers(undefined)).toEqual(['kafka', 'nats']);
  expect(chosenBrokers(' nats, ')).toEqual(['nats']);
  expect(chosenBrokers('')).toEqual([]);
  expect(() => chosenBrokers('kafka,kafak')).toThrow('no broker is called kafak; there is kafka, nats');
});

it('npm run brokers refuses what it doesn’t know; without a name it means all that are chosen', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'tidemark-development-'));
  try {
    await expect(brokersSay(cache, 'up', 'kafak')).rejects.toThrow('no broker is called kafak; there is kafka, nats');
    await expect(brokersSay(cache, 'sideways')).rejects.toThrow('npm run brokers -- up|down|status [kafka] [nats]…');
    expect(await brokersSay(cache, 'status')).toBe(
      chosenBrokers()
        .map((name) => `${name}: not up`)
        .join('\n'),
    );
  } finally {
    await rm(cache, { recursive: true });
  }
});
