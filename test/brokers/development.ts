/** Brokers that stay until they are ended, for whoever develops: what `npm run brokers` does. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type BrokerName, brokers } from './brokers';
import { cacheFolder } from './cache-folder';
import { processStart } from './process-start';
import { addressVariable } from './variables';

/** What is kept about a broker in the cache folder. */
interface Kept {
  readonly address: string;
  readonly pid: number;
  /** {@link processStart} of it: a process that got this id later isn't touched. */
  readonly started: string;
  readonly directory: string;
}

const folder = () => join(cacheFolder(), 'brokers');
const fileOf = (name: BrokerName) => join(folder(), `${name}.json`);

/** Starts it unless it is up; answers with what there is to say. */
export async function up(name: BrokerName): Promise<string> {
  const tell = ({ address, pid }: Kept, how: string) =>
    `${name} ${how} at ${address} (pid ${pid}): ${addressVariable(name)}=${address}`;
  const there = await running(name);
  if (there !== undefined) return tell(there, 'is up already');
  await down(name); // what is left of one that ended by itself
  const directory = join(folder(), `${name}-${randomBytes(6).toString('hex')}`);
  await mkdir(directory, { recursive: true });
  const broker = await brokers[name].start({ staysIn: directory });
  try {
    const { address, pid } = broker;
    const started = await processStart(pid);
    if (started === undefined) throw new Error(`${name} ended as soon as it was up`);
    const kept: Kept = { address, pid, started, directory };
    await writeFile(fileOf(name), `${JSON.stringify(kept, null, 2)}\n`, { flag: 'wx' });
    return tell(kept, 'is up');
  } catch (error) {
    await broker.stop();
    const other = await running(name);
    if (other === undefined) throw error;
    return tell(other, 'was brought up by somebody else meanwhile');
  }
}

/** Ends it and removes its data. */
export async function down(name: BrokerName): Promise<string> {
  const kept = await read(name);
  if (kept === undefined) return `${name} isn't up`;
  const ours = async () => (await processStart(kept.pid)) === kept.started;
  const lived = await ours();
  if (lived) process.kill(-kept.pid, 'SIGKILL');
  for (const end = performance.now() + 10_000; await ours(); await pause(20))
    if (performance.now() > end) throw new Error(`${name} (pid ${kept.pid}) doesn't end`);
  await rm(kept.directory, { recursive: true, force: true });
  await rm(fileOf(name), { force: true });
  return lived ? `${name} is down, its data is removed` : `${name} had ended by itself; what was left of it is removed`;
}

export async function status(name: BrokerName): Promise<string> {
  const there = await running(name);
  if (there === undefined) return `${name}: not up`;
  const answers = await brokers[name].answers(there.address).then(
    () => 'answers',
    () => "doesn't answer",
  );
  return `${name}: ${answers} at ${there.address}, pid ${there.pid}, log and data in ${there.directory}`;
}

async function running(name: BrokerName): Promise<Kept | undefined> {
  const kept = await read(name);
  return kept !== undefined && (await processStart(kept.pid)) === kept.started ? kept : undefined;
}

async function read(name: BrokerName): Promise<Kept | undefined> {
  const text = await readFile(fileOf(name), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Kept);
}
