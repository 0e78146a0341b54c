import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `@durable-streams/server` with its file store, as a child process: stopping it in-process hangs under a live read. */
export class ReferenceServer implements AsyncDisposable {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly directory: string,
  ) {}

  static async start(): Promise<ReferenceServer> {
    const directory = await mkdtemp(join(tmpdir(), 'reference-'));
    const child = fork(join(__dirname, 'reference-server-main.cjs'), [directory], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const [url] = (await once(child, 'message')) as [string];
    return new ReferenceServer(url, child, directory);
  }

  /** Creates a JSON stream and returns its URL. */
  async create(name: string): Promise<string> {
    const url = `${this.url}/${name}`;
    await this.send(url, { method: 'PUT', headers: { 'content-type': 'application/json' } });
    return url;
  }

  async append(url: string, messages: readonly unknown[], headers: Record<string, string> = {}): Promise<void> {
    const body = JSON.stringify(messages);
    await this.send(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  }

  /** No append is possible any more. */
  async end(url: string): Promise<void> {
    await this.send(url, { method: 'POST', headers: { 'stream-closed': 'true' } });
  }

  async delete(url: string): Promise<void> {
    await this.send(url, { method: 'DELETE' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
    await rm(this.directory, { recursive: true, force: true });
  }

  private async send(url: string, init: RequestInit): Promise<void> {
    const response = await fetch(url, init);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${String(init.method)} ${url}: ${response.status}`);
  }
}
