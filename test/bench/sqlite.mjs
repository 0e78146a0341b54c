import { DatabaseSync } from '@photostructure/sqlite';
import { applyTo, OffsetMap, snapshotThenSubscribe, translate, upsert } from '@tidemark/core';
import { sqliteTable } from '@tidemark/sqlite';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logOfWorks, nothingYet, pagesOf } from './logs.mjs';
import { compare, seconds } from './pairs.mjs';
import { columns, decodedWork, Work } from './works.mjs';

/** Memory log → JSON → io-ts → a table, against prepared upserts by hand in transactions of the same size. */
export async function sqlite({ scale, pairs }) {
  const count = Math.max(1_000, Math.round(200_000 * scale));
  const keys = Math.ceil(count / 4);
  const log = await logOfWorks({ count, partitions: 1, keys });
  const pages = await pagesOf(log);
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  let file = 0;
  /** Each run has a database of its own. */
  const withDatabase = async (work) => {
    const db = new DatabaseSync(join(directory, `${file++}.db`), { timeout: 5_000 });
    try {
      db.exec('pragma journal_mode = wal');
      const took = await work(db);
      const { rows } = db.prepare('select count(*) as rows from work').get();
      if (rows !== keys) throw new Error(`${rows} rows instead of ${keys}`);
      return took;
    } finally {
      db.close();
    }
  };
  try {
    return [
      await compare({
        name: `${count} changes into a table, decoding included`,
        unit: 'changes/s',
        count,
        pairs,
        tidemark: () => withDatabase((db) => follow(db, log)),
        baseline: () => withDatabase((db) => byHand(db, pages)),
      }),
      await compare({
        name: `${count} changes into a table`,
        unit: 'changes/s',
        count,
        pairs,
        tidemark: () => withDatabase((db) => apply(db, pages)),
        baseline: () => withDatabase((db) => upsertByHand(db, rowsOf(pages))),
      }),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const tableIn = (db) => sqliteTable(db, { table: 'work', key: 'workId', columns });

async function follow(db, log) {
  const pipeline = snapshotThenSubscribe({
    name: 'bench',
    snapshot: nothingYet(log),
    transport: log,
    decode: { works: { row: Work, update: Work } },
  }).pipe(
    translate((message) => upsert(message.value)),
    applyTo(tableIn(db)),
  );
  const took = await seconds(async () => {
    const running = pipeline.run();
    await Promise.race([pipeline.caughtUp(), running]);
  });
  await pipeline.stop();
  return took;
}

/** The replica alone, given what the pipeline would give it. */
async function apply(db, pages) {
  const table = tableIn(db);
  const bootstrap = await table.take(await table.load(), { pipeline: 'bench' });
  const source = { kind: 'memory', order: 'decimal', epochs: {} };
  await bootstrap.swap({ source, offsets: OffsetMap.empty('decimal') }, []);
  const partition = { topic: 'works', partition: '0' };
  const batches = rowsOf(pages).map((rows, i) => ({
    partition,
    after: i === 0 ? 'beginning' : pages[i - 1].at(-1).offset,
    through: { through: pages[i].at(-1).offset },
    changes: rows.map((row) => upsert(row)),
    rejected: [],
  }));
  return seconds(async () => {
    for (const batch of batches) await table.apply(bootstrap.term, [batch]);
  });
}

const byHand = (db, pages) => upsertByHand(db, pages, ({ value }) => decodedWork(JSON.parse(value.toString('utf8'))));

/** One transaction for each page: as many changes as a transaction of the pipeline's has. */
async function upsertByHand(db, pages, rowOf = (row) => row) {
  db.exec(`create table work (workId text not null, media text, assignee text, percent integer, updated integer,
    note text, primary key (workId))`);
  const statement = db.prepare(`insert into work values (?, ?, ?, ?, ?, ?) on conflict (workId) do update set
    media = excluded.media, assignee = excluded.assignee, percent = excluded.percent, updated = excluded.updated,
    note = excluded.note`);
  return seconds(() => {
    for (const page of pages) {
      db.exec('begin immediate');
      for (const one of page) {
        const { workId, media, assignee, percent, updated, note } = rowOf(one);
        statement.run(workId, media, assignee, percent, updated, note);
      }
      db.exec('commit');
    }
  });
}

const rowsOf = (pages) => pages.map((page) => page.map(({ value }) => decodedWork(JSON.parse(value.toString('utf8')))));
