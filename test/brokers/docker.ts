import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type BrokerKind } from './broker';
import { afterThisProcess } from './owned-process';
import { freePorts } from './ports';

const run = promisify(execFile);
// this file runs from test/brokers, or built from test/dist/brokers
const beside = join(__dirname, 'compose.yaml');
const file = existsSync(beside) ? beside : join(__dirname, '../../brokers/compose.yaml');

/** Whether an engine answers, not only the command. */
export async function dockerAnswers(): Promise<boolean> {
  try {
    await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 });
    await run('docker', ['compose', 'version'], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/** A broker in a container, which ends with this process. */
export async function startInDocker({
  compose,
  answers,
}: BrokerKind): Promise<{ address: string; stop(): Promise<void> }> {
  const [port = 0] = await freePorts(1);
  const project = `tidemark-${randomBytes(6).toString('hex')}`;
  const address = `127.0.0.1:${port}`;
  const env = { ...process.env, [compose.portVariable]: String(port) };
  const order = (...args: readonly string[]) => run('docker', ['compose', '-p', project, '-f', file, ...args], { env });
  const down = () => order('down', '--volumes', '--timeout', '0');
  const release = afterThisProcess('docker compose -p "$1" -f "$2" down --volumes --timeout 0', project, file);
  try {
    await order('up', '--detach', compose.service);
    await answered(() => answers(address), 120_000);
  } catch (error) {
    const log = await order('logs', '--tail', '40', compose.service).catch(() => ({ stdout: '' }));
    await down().catch(() => undefined);
    release();
    throw new Error(`the ${compose.service} of ${file} doesn't answer:\n${log.stdout}`, { cause: error });
  }
  return {
    address,
    async stop() {
      await down();
      release();
    },
  };
}

async function answered(ask: () => Promise<unknown>, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;)
    try {
      await ask();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(200);
    }
}
