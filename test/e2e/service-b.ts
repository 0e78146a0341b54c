import { DatabaseSync } from '@photostructure/sqlite';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Thing } from './service-a';

export interface Told {
  readonly type: string;
  readonly reason?: string;
  readonly code?: string;
  readonly error?: string;
}

/** An instance of service B: a real process, which can really be killed. */
export class ServiceB {
  readonly told: Told[] = [];
  private readonly child: ChildProcess;
  private stderr = '';

  constructor(
    url: string,
    readonly file: string,
    script = 'b-process.cjs',
    ...more: readonly string[]
  ) {
    this.child = fork(join(__dirname, script), [url, file, ...more], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.child.stderr?.on('data', (text: Buffer) => (this.stderr += text.toString()));
    this.child.on('message', (message) => this.told.push(message as Told));
  }

  types(): string[] {
    return this.told.map(({ type }) => type);
  }

  count(type: string): number {
    return this.told.filter((one) => one.type === type).length;
  }

  /** What it last said about its distance from the head. */
  get caughtUp(): boolean {
    return this.told.findLast(({ type }) => type === 'caughtUp' || type === 'fellBehind')?.type === 'caughtUp';
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  /** Ends it cleanly; throws what it wrote to stderr if that isn't how it ended. */
  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.send('stop');
    const [code] = (await exited) as [number | null];
    if (code !== 0) throw new Error(`service B ended with ${code}: ${this.stderr}`);
  }
}

/** B's things, as any reader of its database sees them. */
export function thingsOf(file: string): Thing[] {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  try {
    return db.prepare('select id, n, updates from thing order by id').all() as Thing[];
  } finally {
    db.close();
  }
}

/** Awaits a condition, with a deadline. */
export async function until(what: string, condition: () => boolean, deadlineMs = 30_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
