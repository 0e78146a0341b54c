import { openDatabase, runFollower, startOptions } from '@tidemark-examples/support';
import { followA, type WhereAIs } from './b-log';
import { treePipeline } from './b-pipeline';

/** How B's process is started: where A is, B's database file, and (for a demo in a hurry) shorter times. */
export interface BOptions extends WhereAIs {
  readonly file: string;
  readonly times?: { readonly takeoverMs: number; readonly beatMs: number; readonly retryMs: number } | undefined;
}

const { file, times, ...whereAIs } = startOptions() as BOptions;
const db = openDatabase(file);
const a = followA(whereAIs);
const pipeline = treePipeline(a, db, times);
const rows = db.prepare('select count(*) as n from entry');

void runFollower(pipeline, {
  rows: () => (rows.get() as { n: number }).n,
  close: async () => {
    await a.close();
    db.close();
  },
});
