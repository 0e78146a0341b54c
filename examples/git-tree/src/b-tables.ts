import { type SqliteReplicaHandlers } from '@tidemark/sqlite';
import { type Database } from '@tidemark-examples/support';
import { type TreeMessage } from './entry';

/**
 * B's own tables, and what each message does to them. `changes` is counted here, not copied: an update that took effect twice,
 * or not at all, leaves another number than A has.
 */
export function treeTables(db: Database): SqliteReplicaHandlers<TreeMessage, Database> {
  db.exec(`
    create table if not exists entry (
      path text primary key not null, directory text not null, name text not null, kind text not null,
      mode text not null, blob text not null, changes integer not null);
    create index if not exists entry_directory on entry (directory);`);
  const write = db.prepare(`
    insert into entry (path, directory, name, kind, mode, blob, changes) values (?, ?, ?, ?, ?, ?, ?)
    on conflict (path) do update set
      kind = excluded.kind, mode = excluded.mode, blob = excluded.blob, changes = changes + excluded.changes`);
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
      write.run(path, directory, name, kind, mode, blob, message.is === 'known' ? message.changes : 1);
    },
  };
}
