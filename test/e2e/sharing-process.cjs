'use strict';
// One of several instances of service B that share A's partitions, over the built packages:
// node sharing-process.cjs <A's url> <database file> <its name>
// Replica and leases are in one file. Effects are additive: an update that is applied twice shows in `updates`.
const { DatabaseSync } = require('@photostructure/sqlite');
const { applyTo, snapshotThenSubscribe, translate } = require('@tidemark/core');
const { httpFeed, httpSnapshot } = require('@tidemark/http');
const { sqliteLeases, sqliteReplica } = require('@tidemark/sqlite');
const t = require('io-ts');

const [, , url, file, owner] = process.argv;
const db = new DatabaseSync(file, { timeout: 5000 });
db.exec('pragma journal_mode = wal; pragma synchronous = normal');
db.exec('create table if not exists thing (id text primary key, n integer not null, updates integer not null)');

const Row = t.type({ id: t.string, n: t.number, updates: t.number });
const Update = t.type({ id: t.string, n: t.number });

const pipeline = snapshotThenSubscribe({
  name: 'things',
  snapshot: httpSnapshot(`${url}/snapshot`),
  transport: httpFeed(`${url}/feed`, {
    topics: ['things'],
    share: { leases: sqliteLeases(db), owner, expiryMs: 1000, renewMs: 150 },
  }),
  decode: { things: { row: Row, update: Update } },
  times: { takeoverMs: 1000, beatMs: 150, watchMs: 100, aheadMs: 500, retryMs: 300 },
}).pipe(
  translate((m) => ({ kind: m.kind, ...m.value })),
  applyTo(
    sqliteReplica(db, {
      name: 'things',
      clear: (tx) => tx.exec('delete from thing'),
      apply(tx, m) {
        if (m.kind === 'row') tx.prepare('insert into thing values (?, ?, ?)').run(m.id, m.n, m.updates);
        else
          tx.prepare(
            'insert into thing values (?, ?, 1) on conflict (id) do update set n = excluded.n, updates = updates + 1',
          ).run(m.id, m.n);
      },
    }),
  ),
);

pipeline.subscribe({
  next: ({ type, reason, error }) => process.send({ type, reason, error: error && String(error) }),
  error: (error) => {
    process.send({ type: 'failed', code: error.code, error: String(error) });
    process.exitCode = 1;
    process.disconnect();
  },
  complete: () => process.disconnect(),
});
process.on('message', (message) => {
  if (message === 'stop') void pipeline.stop();
});
process.on('disconnect', () => process.exit());
