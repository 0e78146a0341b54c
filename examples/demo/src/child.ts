import { type ChildProcess, fork } from 'node:child_process';
import { type Order } from '@tidemark-examples/support';

/** A process that ended, failed or was silent when it shouldn't. */
export class ProcessFault extends Error {
  override readonly name = 'ProcessFault';
}

/** How long anything may take, in milliseconds. */
const deadlineMs = 45_000;

/** A process that talks. Everything it says is kept in `said`, and awaited with `until`. */
export class Child<Says extends { readonly says: string }> {
  readonly said: Says[] = [];
  private readonly process: ChildProcess;
  private readonly ended: Promise<string>;
  private end: string | undefined;
  private changed: (() => void)[] = [];

  constructor(
    private readonly name: string,
    file: string,
    options: object,
    private readonly onSaid: (message: Says) => void,
  ) {
    this.process = fork(file, [JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.process.on('message', (message) => {
      this.said.push(message as Says);
      this.onSaid(message as Says);
      this.wake();
    });
    this.ended = new Promise((resolve) => {
      const over = (how: string) => {
        this.end ??= how;
        this.wake();
        resolve(this.end);
      };
      this.process.once('error', (error) => over(error.message));
      this.process.once('exit', (code, signal) => over(signal ?? `exit code ${code ?? 'none'}`));
    });
  }

  order(order: Order): void {
    if (this.end === undefined) this.process.send(order);
  }

  /** Waits until `pick` finds something in what was said. Throws {@link ProcessFault} when it can't come any more, or doesn't. */
  async until<T>(what: string, pick: (said: readonly Says[]) => T | undefined): Promise<T> {
    const end = performance.now() + deadlineMs;
    const timer = setTimeout(() => this.wake(), deadlineMs + 1);
    try {
      for (;;) {
        const found = pick(this.said);
        if (found !== undefined) return found;
        const failed = this.said.find(({ says }) => says === 'failed');
        if (failed !== undefined) throw new ProcessFault(`${this.name} failed: ${JSON.stringify(failed)}`);
        if (this.end !== undefined) throw new ProcessFault(`${this.name} has ended (${this.end}); waited for ${what}`);
        const last = JSON.stringify(this.said.at(-1));
        if (performance.now() > end)
          throw new ProcessFault(`${this.name}: waited ${deadlineMs} ms for ${what}; it last said ${last}`);
        await new Promise<void>((resolve) => this.changed.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** SIGKILL. Does nothing if it has ended. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }

  /** Stops it cleanly. Throws {@link ProcessFault} unless it ends by itself, with exit code 0. */
  async stop(): Promise<void> {
    this.order({ order: 'stop' });
    const late = new Promise<string>((resolve) => {
      setTimeout(() => resolve('not within the deadline'), deadlineMs).unref();
    });
    const how = await Promise.race([this.ended, late]);
    if (how !== 'exit code 0') throw new ProcessFault(`${this.name} should have stopped cleanly: ${how}`);
  }

  private wake(): void {
    for (const resolve of this.changed.splice(0)) resolve();
  }
}
