import { DatabaseSync } from '@photostructure/sqlite';
import { type PagedLog } from '@tidemark/core';
import { type HttpHandler, serveFeed, serveSnapshot } from '@tidemark/http';
import { sqliteLog, type SqliteLog } from '@tidemark/sqlite';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Work {
  readonly id: string;
  readonly n: number;
}

/** What A would have answered. Of events, the first ones. */
export interface Honest {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers instead of A. */
export type Answer = (res: ServerResponse, honest: Honest) => unknown;

/** Where A misbehaves. */
export type Place = 'snapshot' | 'manifest' | 'stream';

/** Service A over HTTP, rows and log in one SQLite file, which answers as a test says for as long as it says so. */
export class MisbehavingA {
  private fault: { readonly at: Place; readonly answer: Answer } | undefined;

  private constructor(
    readonly directory: string,
    private readonly db: InstanceType<typeof DatabaseSync>,
    private readonly log: SqliteLog<'work'>,
    private readonly server: Server,
  ) {}

  static async start(): Promise<MisbehavingA> {
    const directory = await mkdtemp(join(tmpdir(), 'tidemark-bad-input-'));
    const open = () => new DatabaseSync(join(directory, 'a.db'), { timeout: 5_000 });
    const db = open();
    db.exec('pragma journal_mode = wal; create table work (id text primary key, n integer not null)');
    const log = sqliteLog(db, { reader: open, topics: { work: { partitions: 1 } } });
    const a = new MisbehavingA(directory, db, log, createServer());
    const rows = log.snapshot({ work: (_, reader) => reader.prepare('select id, n from work order by id').iterate() });
    const snapshot = serveSnapshot(rows, { schema: 'work-1' });
    const feed = serveFeed(log as PagedLog, { longPollMs: 200, eventsMs: 500 });
    a.server.on('request', (req, res) => void a.answer(req, res, { snapshot, feed }).catch(() => res.destroy()));
    await new Promise<void>((resolve) => a.server.listen(0, '127.0.0.1', resolve));
    return a;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on; what is being answered is cut off. */
  misbehave(at: Place, answer: Answer): void {
    this.fault = { at, answer };
    this.server.closeAllConnections();
  }

  /** The bad answers that are still open end, too. */
  behave(): void {
    this.fault = undefined;
    this.server.closeAllConnections();
  }

  /** Each with its record, in one transaction. */
  write(...all: readonly Work[]): void {
    this.db.exec('begin immediate');
    for (const { id, n } of all) this.db.prepare('insert or replace into work values (?, ?)').run(id, n);
    this.log.append(
      'work',
      all.map((work) => ({ key: work.id, value: JSON.stringify(work) })),
    );
    this.db.exec('commit');
  }

  rows(): Work[] {
    return this.db.prepare('select id, n from work order by id').all() as Work[];
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.log[Symbol.asyncDispose]();
    this.db.close();
    await rm(this.directory, { recursive: true, force: true });
  }

  private async answer(
    req: IncomingMessage,
    res: ServerResponse,
    handlers: { readonly snapshot: HttpHandler; readonly feed: HttpHandler },
  ): Promise<void> {
    const { pathname } = new URL(req.url ?? '/', this.url);
    const at = pathname.startsWith('/snapshot') ? 'snapshot' : pathname.endsWith('/') ? 'manifest' : 'stream';
    const handler = at === 'snapshot' ? handlers.snapshot : handlers.feed;
    if (this.fault?.at !== at) handler.node(req, res);
    else await this.fault.answer(res, await honestOf(handler, new Request(new URL(req.url ?? '/', this.url))));
  }
}

async function honestOf(handler: HttpHandler, request: Request): Promise<Honest> {
  const { status, headers, body } = await handler.fetch(request);
  const fields = Object.fromEntries(headers);
  if (headers.get('content-type') !== 'text/event-stream')
    return { status, headers: fields, body: await new Response(body).text() };
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return { status, headers: fields, body: Buffer.from(value ?? []).toString() };
}
