import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import process from 'node:process';

export interface OwnedProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly directory: string;
  /** The file that gets what it writes. */
  readonly log: string;
  /** It goes on when this process ends; absent: it ends with it, and `directory` is removed. */
  readonly stays?: boolean | undefined;
}

/** A process that was started here, with a process group of its own. Signals go to this group and nowhere else. */
export interface OwnedProcess {
  readonly pid: number;
  alive(): boolean;
  /** How it ended: the exit code, or the signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Does nothing to one that has ended. */
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL; fulfils when it has ended. */
  kill(): Promise<void>;
}

/** Rejects when it can't be started. */
export async function ownedProcess(options: OwnedProcessOptions): Promise<OwnedProcess> {
  const { command, args, directory, log, stays } = options;
  const file = openSync(log, 'a');
  const child = spawn(command, args, { cwd: directory, detached: true, stdio: ['ignore', file, file] });
  closeSync(file);
  let over = false;
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, signal) => {
      over = true;
      resolve(signal ?? code ?? -1);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid!;
  child.unref();
  if (stays !== true) {
    const release = afterThisProcess('kill -s KILL -- "-$1" 2> /dev/null; rm -rf -- "$2"', String(pid), directory);
    void ended.then(release);
  }
  const signal = (signal: NodeJS.Signals) => {
    if (!over) process.kill(-pid, signal);
  };
  return {
    pid,
    ended,
    alive: () => !over,
    signal,
    async kill() {
      child.ref(); // this process stays for the end of that one
      signal('SIGKILL');
      await ended;
    },
  };
}

/**
 * Has a shell script run when this process is gone, even by SIGKILL: a waiting shell sees the end of its standard input.
 * The answer calls it off.
 */
export function afterThisProcess(script: string, ...args: readonly string[]): () => void {
  const waiting = `cat > /dev/null\n${script}`;
  const shell = spawn('sh', ['-c', waiting, 'sh', ...args], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  let over = false;
  shell.once('exit', () => (over = true));
  shell.once('error', () => (over = true));
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return () => {
    if (!over && shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
  };
}

/** The last lines of a log, for people. */
export async function lastLines(log: string, count = 40): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
