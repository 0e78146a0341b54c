import { type SqliteReplicaHandlers } from '@tidemark/sqlite';
import { type Database } from '@tidemark-examples/support';
import { type TreeMessage } from './entry';

/**
 * B's own tables, and what each message does to them. `changes` is counted here, not copied: an update that took effect twice,
 * or not at all, leaves another number than A has. An update that the snapshot's row had already (its version is not above
 * `since`) counts in `again` instead: a broker brings some. Still older ones don't come here: `version` tells what they are.
 */
export function treeTables(db: Database): SqliteReplicaHandlers<TreeMessage, Database> {
  db.exec(`
    create table if not exists entry (
      path text primary key not null, directory text not null, name text not null, kind text not null,
      mode text not null, blob text not null, changes integer not null, since integer not null, again integer not null);
    create index if not exists entry_directory on entry (directory);`);
  const insert = `insert into entry (path, directory, name, kind, mode, blob, changes, since, again)
    values (?, ?, ?, ?, ?, ?, ?, ?, 0) on conflict (path) do update set
      kind = excluded.kind, mode = excluded.mode, blob = excluded.blob,`;
  const know = db.prepare(`${insert} changes = excluded.changes, since = excluded.since, again = 0`);
  const write = db.prepare(`${insert} changes = changes + (? > since), again = again + (? <= since)`);
  const remove = db.prepare('delete from entry where path = ?');
  return {
    name: 'tree',
    clear: (tx) => tx.exec('delete from entry'),
    apply: (_, message) => {
      if (message.is === 'gone') {
        remove.run(message.path);
        return;
      }
      const { path, directory, name, kind, mode, blob } = message.entry;
      const { version } = message;
      const columns = [path, directory, name, kind, mode, blob];
      if (message.is === 'known') know.run(...columns, message.changes, version);
      else write.run(...columns, 1, 0, version, version);
    },
    version: (message) => ({
      key: message.is === 'gone' ? message.path : message.entry.path,
      version: message.version,
      removed: message.is === 'gone',
    }),
  };
}
