import { openDatabase, runFollower, startOptions } from '@tidemark-examples/support';
import { followY, type WhereYIs } from './x-log';
import { assignmentsPipeline } from './x-pipeline';

/** How X's process is started: where Y is, X's database file, and (for a demo in a hurry) shorter times. */
export interface XOptions extends WhereYIs {
  readonly file: string;
  readonly times?: { readonly takeoverMs: number; readonly beatMs: number; readonly retryMs: number } | undefined;
}

const { file, times, ...whereYIs } = startOptions() as XOptions;
const db = openDatabase(file);
const y = followY(whereYIs);
const pipeline = assignmentsPipeline(y, db, times);
const rows = db.prepare('select count(*) as n from work');

void runFollower(pipeline, {
  rows: () => (rows.get() as { n: number }).n,
  close: async () => {
    await y.close();
    db.close();
  },
});
