import { DatabaseSync } from '@photostructure/sqlite';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A connection, with all that its driver has. */
export type TestDatabase = InstanceType<typeof DatabaseSync>;

/** A database file of its own for one test: any number of connections, all closed and removed by `close`. */
export class TestFile {
  private readonly directory = mkdtempSync(join(tmpdir(), 'tidemark-sqlite-'));
  private readonly open: TestDatabase[] = [];
  readonly path = join(this.directory, 'test.db');

  /** A connection in WAL mode that waits five seconds for locks. */
  connect(options: { readonly timeout?: number; readonly readOnly?: boolean } = {}): TestDatabase {
    const db = new DatabaseSync(this.path, { timeout: 5_000, ...options });
    if (options.readOnly !== true) db.exec('pragma journal_mode = wal; pragma synchronous = normal');
    this.open.push(db);
    return db;
  }

  /** How many of the connections are still open. */
  get connections(): number {
    return this.open.filter((db) => db.isOpen).length;
  }

  close(): void {
    for (const db of this.open) if (db.isOpen) db.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
