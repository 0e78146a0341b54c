/**
 * Service A as a process of its own: `node server-process.mjs snapshot|feed <rows>`. Serves rows that are made while they are
 * read, or a backlog of that many records in a memory log. Tells its URL by IPC, and ends with its parent.
 */
import { snapshotOfRows } from '@tidemark/core';
import { serveFeed, serveSnapshot } from '@tidemark/http';
import { createServer } from 'node:http';
import process from 'node:process';
import { logOfWorks, nothingYet } from './logs.mjs';
import { work } from './works.mjs';

const [, , mode, size] = process.argv;
const count = Number(size);
const log = await logOfWorks({ count: mode === 'feed' ? count : 0, partitions: 1, keys: 10_000 });

function* works() {
  for (let i = 0; i < count; i++) yield work(i, count);
}

const source =
  mode === 'feed'
    ? nothingYet(log)
    : {
        open: async ({ scope, signal }) =>
          snapshotOfRows({ position: await log.locate('head', signal), rows: { works }, reader: undefined, scope }),
      };
const [snapshot, feed] = [serveSnapshot(source), serveFeed(log)];
const server = createServer((req, res) => (req.url.startsWith('/snapshot') ? snapshot : feed).node(req, res));
server.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}`));
process.on('disconnect', () => process.exit());
