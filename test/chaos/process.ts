import { type ChildProcess, fork } from 'node:child_process';
import process from 'node:process';
import { type Sample } from './sample';

/** What a process tells its parent. */
export interface Told {
  readonly type: string;
  readonly reason?: string;
  readonly code?: string;
  readonly error?: string;
  readonly port?: number;
  readonly sample?: Sample;
}

/** Ended with this process, however it ends: a frozen one wouldn't notice by itself. */
const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** A real process, which can really be killed. It is ended by its id and nothing else. */
export class Process {
  readonly told: Told[] = [];
  /** How it ended: the exit code, or the signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  private readonly child: ChildProcess;
  private stderr = '';
  private over = false;

  constructor(script: string, options: object, execArgv: readonly string[] = []) {
    this.child = fork(script, [JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [...execArgv],
    });
    living.add(this.child);
    this.child.stderr?.on('data', (text: Buffer) => (this.stderr = (this.stderr + text.toString()).slice(-8_000)));
    this.child.on('message', (message) => this.told.push(message as Told));
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        living.delete(this.child);
        this.over = true;
        resolve(signal ?? code ?? -1);
      });
    });
  }

  get alive(): boolean {
    return !this.over;
  }

  /** The last things it said, for people. */
  get tail(): string {
    const told = this.told.slice(-20).map((one) => JSON.stringify(one));
    return [...told, ...(this.stderr === '' ? [] : ['stderr:', this.stderr.trimEnd()])].join('\n');
  }

  count(type: string): number {
    return this.told.filter((one) => one.type === type).length;
  }

  /** What it last said about its distance from the head. */
  get caughtUp(): boolean {
    return this.told.findLast(({ type }) => type === 'caughtUp' || type === 'fellBehind')?.type === 'caughtUp';
  }

  /** Does nothing to one that has ended. */
  order(order: unknown): void {
    if (this.alive && this.child.connected) this.child.send(order as object, () => undefined);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.alive) this.child.kill(signal);
  }

  async kill(): Promise<void> {
    if (!this.alive) return;
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Ends it cleanly; throws what it wrote to stderr if that isn't how it ended. */
  async stop(): Promise<void> {
    this.order('stop');
    const how = await this.ended;
    if (how !== 0) throw new Error(`a process ended with ${how} when it was stopped:\n${this.tail}`);
  }

  /** What it answers to this order: the next message of this type. */
  async ask(order: string, type: string, deadlineMs = 30_000): Promise<Told> {
    const before = this.told.length;
    this.order(order);
    const answered = () => this.told.slice(before).find((one) => one.type === type);
    await until(`a process answers ${order}`, () => answered() !== undefined || !this.alive, deadlineMs);
    const answer = answered();
    if (answer === undefined) throw new Error(`a process ended before it answered ${order}:\n${this.tail}`);
    return answer;
  }
}

/** Awaits a condition, with a deadline. */
export async function until(what: string, condition: () => boolean, deadlineMs = 30_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
