import { serveFeed, serveSnapshot } from '@tidemark/http';
import { sqliteLog, type SqliteLog } from '@tidemark/sqlite';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PagedLog } from '@tidemark/core';
import { type Database, openFile, sourceSchema, type Thing, thingsIn, updateThing } from '../chaos/things';

/**
 * Service A in this process: one SQLite file with its things and its log, both over HTTP on a random port. Thing `id`'s updates
 * count themselves, so that a replica with additive effects can be compared exactly.
 */
export class ServiceA {
  /** Called before each snapshot row is read: a test holds a snapshot back here. */
  beforeRow: (index: number) => Promise<void> = () => Promise.resolve();
  snapshotsOpened = 0;

  private constructor(
    readonly directory: string,
    readonly db: Database,
    readonly log: SqliteLog<'things'>,
    private readonly server: Server,
  ) {}

  static async start(partitions = 2): Promise<ServiceA> {
    const directory = await mkdtemp(join(tmpdir(), 'tidemark-e2e-'));
    const open = () => openFile(join(directory, 'a.db'));
    const db = open();
    db.exec(sourceSchema);
    const log = sqliteLog(db, { reader: open, topics: { things: { partitions } } });
    const server = createServer();
    const a = new ServiceA(directory, db, log, server);
    const rows = log.snapshot({
      things: async function* (_, reader) {
        a.snapshotsOpened++;
        const statement = reader.prepare('select id, n, updates from thing order by id');
        let index = 0;
        for (const row of statement.iterate()) {
          await a.beforeRow(index++);
          yield row;
        }
      },
    });
    const [snapshot, feed] = [serveSnapshot(rows), serveFeed(log as PagedLog, { longPollMs: 1_000 })];
    server.on('request', (req, res) => (req.url?.startsWith('/snapshot') ? snapshot : feed).node(req, res));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return a;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** One update of each of these things, in one transaction with its record. */
  write(...ids: readonly string[]): void {
    this.db.exec('begin immediate');
    for (const id of ids) this.log.append('things', [{ key: id, value: JSON.stringify(updateThing(this.db, id, 1)) }]);
    this.db.exec('commit');
  }

  things(): Thing[] {
    return thingsIn(this.db);
  }

  /** `count` ids whose records go to this partition. */
  idsOf(partition: string, count: number): string[] {
    const ids: string[] = [];
    this.db.exec('begin immediate');
    for (let i = 0; ids.length < count; i++) {
      const position = this.log.append('things', [{ key: `id-${i}`, value: '{}' }]);
      if ([...position.offsets][0]?.partition === partition) ids.push(`id-${i}`);
    }
    this.db.exec('rollback');
    return ids;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.log[Symbol.asyncDispose]();
    this.db.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
