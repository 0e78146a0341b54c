import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { type Readable } from 'node:stream';

const script = join(__dirname, 'fixtures', 'worker.cjs');

/** A real process over the built packages, killed by SIGKILL. */
export class Worker {
  private readonly child: ChildProcessByStdio<null, Readable, Readable>;
  private readonly lines: Interface;
  private readonly heard = new Set<string>();
  private readonly exited: Promise<unknown>;
  private errors = '';

  constructor(mode: 'follow' | 'stage' | 'swap' | 'append', path: string) {
    for (const name of ['core', 'sqlite'])
      if (!existsSync(join(__dirname, '..', '..', name, 'dist', 'index.js')))
        throw new Error(`packages/${name}/dist is missing; build it first: npx tsc -b`);
    this.child = spawn(process.execPath, [script, mode, path], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.exited = once(this.child, 'exit');
    this.lines = createInterface({ input: this.child.stdout });
    this.lines.on('line', (line) => this.heard.add(line));
    this.child.stderr.on('data', (bytes: Buffer) => (this.errors += bytes.toString()));
  }

  /** Resolves once the worker has said this; rejects if it ends instead. */
  async said(line: string): Promise<void> {
    const ended = once(this.lines, 'close').then(() => 'ended');
    while (!this.heard.has(line))
      if ((await Promise.race([once(this.lines, 'line'), ended])) === 'ended' && !this.heard.has(line))
        throw new Error(`the worker ended without saying "${line}": ${this.errors}`);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
    if (this.errors !== '') throw new Error(`the worker failed: ${this.errors}`);
  }
}
