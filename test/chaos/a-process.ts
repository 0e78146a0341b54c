/**
 * Service A as a process: `node a-process.js <AOptions as JSON>`. Serves its snapshot and, where the broker wants it, its feed on a
 * random port, and writes all the time: each transaction changes some things and appends a record for each.
 */
import { type Rows } from '@tidemark/core';
import { serveSnapshot } from '@tidemark/http';
import { type SqliteDatabase } from '@tidemark/sqlite';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type ServicePlace } from './broker';
import { type BrokerName, brokers } from './brokers';
import { between, pick, seededRandom } from './random';
import { sample } from './sample';
import { openFile, sourceSchema, updateThing } from './things';

export interface AOptions {
  readonly broker: BrokerName;
  readonly directory: string;
  /** The log's, where a broker holds it. */
  readonly service?: ServicePlace | undefined;
  readonly seed: number;
  /** Things to begin with. */
  readonly size: number;
  /** Between two transactions, at most, in milliseconds. */
  readonly pauseMs: number;
  /** Keep what was written, for an oracle to fold. */
  readonly journal: boolean;
}

/** What A is told by its parent. */
export type AOrder = 'quiet' | 'sample' | 'stop';

const { broker, directory, service, seed, size, pauseMs, journal } = JSON.parse(process.argv[2] ?? '') as AOptions;
const db = openFile(join(directory, 'a.db'));
db.exec(sourceSchema);
const rows: Rows<'things', SqliteDatabase> = {
  things: async function* (_, reader) {
    const statement = reader.prepare('select id, n, updates from thing order by id');
    let index = 0;
    for (const row of statement.iterate()) {
      if (++index % 100 === 0) await pause(2); // so that a fault finds a snapshot in the middle
      yield row;
    }
  },
};
const log = brokers[broker].publish({ directory, service }, db, rows);
const insert = db.prepare('insert into journal (id, added) values (?, ?)');
const random = seededRandom(seed, process.pid);
let writing = true;
/** Most updates are of few things. */
const hot = Array.from({ length: 40 }, (_, i) => i * 7);

function write(ids: readonly string[]): void {
  db.exec('begin immediate');
  try {
    const records = ids.map((id) => {
      const update = updateThing(db, id, between(random, 1, 9));
      if (journal) insert.run(id, update.add);
      return { key: id, value: JSON.stringify(update) };
    });
    log.append(records);
    db.exec('commit');
  } catch (error) {
    db.exec('rollback');
    throw error;
  }
}

const { things } = db.prepare('select count(*) as things from thing').get() as { things: number };
if (things < size) write(Array.from({ length: size }, (_, i) => `thing-${i}`));

async function writeOn(): Promise<void> {
  while (writing) {
    write(Array.from({ length: between(random, 1, 6) }, () => `thing-${pick(random, hot)}`));
    await pause(between(random, 1, pauseMs));
  }
}

const [snapshot, feed] = [serveSnapshot(log.snapshot), log.feed];
const server = createServer((req, res) => {
  if (req.url?.startsWith('/snapshot') === true) snapshot.node(req, res);
  else if (feed !== undefined) feed.node(req, res);
  else res.writeHead(404).end();
});

async function stop(): Promise<void> {
  writing = false;
  server.closeAllConnections();
  server.close();
  await written;
  await log.close();
  db.close();
  process.disconnect();
}

const written = new Promise<void>((resolve, reject) => {
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ type: 'listens', port: (server.address() as AddressInfo).port });
    writeOn().then(resolve, reject);
  });
});
process.on('message', (order: AOrder) => {
  if (order === 'sample') process.send?.({ type: 'sample', sample: sample() });
  else if (order === 'stop') void stop();
  else {
    writing = false;
    void written.then(() => log.drained()).then(() => process.send?.({ type: 'quiet' }));
  }
});
process.on('disconnect', () => process.exit());
