import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { lastLines, ownedProcess } from './owned-process';
import { processStart } from './process-start';

const directory = () => mkdtemp(join(tmpdir(), 'tidemark-owned-'));
/** Two processes in one group, both of which would go on for an hour. */
const two = { command: 'sh', args: ['-c', 'sleep 3600 & echo $!; wait'] };

async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !(await condition()); await pause(20))
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
}
const gone = async (pid: number) => (await processStart(pid)) === undefined;

/** The id of the second process. */
async function second(log: string): Promise<number> {
  await until('both run', async () => /\d/.test(await lastLines(log)));
  return Number(await lastLines(log));
}

it.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'itself'] as const)(
  'what it owns is gone, all of it, when a process ends by %s',
  async (how) => {
    const own = await directory();
    const log = join(own, 'log');
    const parent = fork(join(__dirname, 'owner-process.ts'), [JSON.stringify({ ...two, directory: own, log })], {
      execArgv: ['-r', join(__dirname, '../simulate/register.cjs')],
    });
    const pid = await new Promise<number>((resolve) => parent.once('message', (told) => resolve(told as number)));
    const other = await second(log);
    expect([await gone(pid), await gone(other)]).toEqual([false, false]);
    if (how === 'itself') parent.disconnect();
    else parent.kill(how);
    await until('nothing is left', async () => (await gone(pid)) && (await gone(other)) && !existsSync(own));
  },
);

it('one that was stopped by a signal is killed like another, with its whole group', async () => {
  const own = await directory();
  const log = join(own, 'log');
  const one = await ownedProcess({ ...two, directory: own, log });
  const other = await second(log);
  one.signal('SIGSTOP');
  await one.kill();
  expect(one.alive()).toBe(false);
  await until('the other is gone', () => gone(other));
  one.signal('SIGKILL'); // its id may be another's by now
  await rm(own, { recursive: true });
});

it('rejects what can’t be started', async () => {
  const own = await directory();
  const nothing = { command: join(own, 'nothing'), args: [], directory: own, log: join(own, 'log') };
  await expect(ownedProcess(nothing)).rejects.toThrow('ENOENT');
  await rm(own, { recursive: true });
});
