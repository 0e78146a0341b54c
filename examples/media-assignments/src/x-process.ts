import { openDatabase, runFollower, startOptions } from '@tidemark-examples/support';
import { assignmentsPipeline } from './x-pipeline';

/** How X's process is started: where Y is, X's database file, and (for a demo in a hurry) shorter times. */
export interface XOptions {
  readonly url: string;
  readonly file: string;
  readonly times?: { readonly takeoverMs: number; readonly beatMs: number; readonly retryMs: number } | undefined;
}

const { url, file, times } = startOptions() as XOptions;
const db = openDatabase(file);
const pipeline = assignmentsPipeline(url, db, times);
const rows = db.prepare('select count(*) as n from work');

void runFollower(pipeline, {
  rows: () => (rows.get() as { n: number }).n,
  close: () => db.close(),
});
