import { openDatabase, runFollower, startOptions } from '@tidemark-examples/support';
import { treePipeline } from './b-pipeline';

/** How B's process is started: where A is, B's database file, and (for a demo in a hurry) shorter times. */
export interface BOptions {
  readonly url: string;
  readonly file: string;
  readonly times?: { readonly takeoverMs: number; readonly beatMs: number; readonly retryMs: number } | undefined;
}

const { url, file, times } = startOptions() as BOptions;
const db = openDatabase(file);
const pipeline = treePipeline(url, db, times);
const rows = db.prepare('select count(*) as n from entry');

void runFollower(pipeline, {
  rows: () => (rows.get() as { n: number }).n,
  close: () => db.close(),
});
