import { DatabaseSync } from '@photostructure/sqlite';
import { type PagedLog, type SnapshotRequest, type SnapshotSource } from '@tidemark/core';
import { fileSnapshot, serveFeed, serveSnapshot, writeSnapshotFile } from '@tidemark/http';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { until } from '../chaos/process';
import { thingsOf } from '../chaos/things';
import { ServiceA } from './service-a';
import { ServiceB } from './service-b';

/** A's HTTP side: a snapshot file and the feed. It hands out so many chunks of each snapshot, and then holds the rest back. */
class Front {
  readonly requests: SnapshotRequest[] = [];
  rowsServed = 0;
  private readonly server = createServer();

  private constructor(
    a: ServiceA,
    path: string,
    private readonly chunks: number,
  ) {
    const [snapshot, feed] = [
      serveSnapshot(this.counted(fileSnapshot(path))),
      serveFeed(a.log as PagedLog, { longPollMs: 1_000 }),
    ];
    this.server.on('request', (req, res) => (req.url?.startsWith('/snapshot') ? snapshot : feed).node(req, res));
  }

  static async start(a: ServiceA, path: string, chunks = Infinity): Promise<Front> {
    const front = new Front(a, path, chunks);
    await new Promise<void>((resolve) => front.server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private counted(source: SnapshotSource): SnapshotSource {
    const within = async function* (front: Front, all: AsyncIterable<{ rows: readonly unknown[] }>) {
      let handed = 0;
      for await (const chunk of all) {
        if (handed++ === front.chunks) await new Promise(() => undefined);
        front.rowsServed += chunk.rows.length;
        yield chunk;
      }
    };
    return {
      open: async (request) => {
        this.requests.push(request);
        const snapshot = await source.open(request);
        return { ...snapshot, chunks: within(this, snapshot.chunks) };
      },
    };
  }
}

let a: ServiceA;
const fronts: Front[] = [];
const instances: ServiceB[] = [];
const size = 10_000;
const ids = Array.from({ length: size }, (_, i) => `id-${i}`);

beforeEach(async () => {
  a = await ServiceA.start();
  a.write(...ids);
});
afterEach(async () => {
  for (const b of instances.splice(0)) await b.kill();
  for (const front of fronts.splice(0)) await front.stop();
  await a.stop();
});

const things = () =>
  a.log.snapshot({ things: (_, reader) => reader.prepare('select id, n, updates from thing order by id').iterate() });

async function served(path: string, chunks?: number): Promise<Front> {
  const front = await Front.start(a, path, chunks);
  fronts.push(front);
  return front;
}

function started(front: Front): ServiceB {
  const b = new ServiceB(front.url, join(a.directory, 'b.db'));
  instances.push(b);
  return b;
}

/** What B's database holds of a snapshot that hasn't come to its end. */
function staged(file: string): number {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  try {
    return (db.prepare('select token_staged from tidemark_replica').get() as { token_staged: number }).token_staged;
  } finally {
    db.close();
  }
}

it('I2, I6: B is killed in mid-snapshot again and again, A is restarted: each row is served once, and the result is exact', async () => {
  const path = join(a.directory, 'things.ndjson');
  await writeSnapshotFile(things(), path);
  a.write(...ids.slice(0, 1_000)); // since then A has written on

  let [before, total] = [0, 0];
  for (const chunks of [3, 1, 6]) {
    const front = await served(path, chunks);
    const b = started(front);
    await until('B has staged all that it was given', () => b.count('snapshotRows') === chunks);
    await b.kill();
    await front.stop();
    fronts.splice(fronts.indexOf(front), 1);
    expect(thingsOf(b.file)).toEqual([]);
    expect(front.requests.map(({ resume }) => resume !== undefined)).toEqual([before > 0]);
    expect(staged(b.file)).toBe(before + front.rowsServed);
    before = staged(b.file);
    total += front.rowsServed;
  }
  expect(before).toBe(5_000);

  const front = await served(path);
  const b = started(front);
  await until('B has the whole snapshot', () => b.count('snapshotEnd') === 1);
  expect(front.requests).toHaveLength(1);
  expect(total + front.rowsServed).toBe(size);
  a.write(...ids.slice(500, 1_500));
  await until('B equals A', () => JSON.stringify(thingsOf(b.file)) === JSON.stringify(a.things()));
  await b.stop();
});

it('I6: the file was replaced meanwhile: what was staged of the old one is dropped', async () => {
  const path = join(a.directory, 'things.ndjson');
  await writeSnapshotFile(things(), path);
  const front = await served(path, 4);
  const killed = started(front);
  await until('B has staged some', () => killed.count('snapshotRows') === 4);
  await killed.kill();

  a.write(...ids.slice(0, 3_000));
  await writeSnapshotFile(things(), path);
  const again = await served(path);
  const b = started(again);
  await until('B has the whole snapshot', () => b.count('snapshotEnd') === 1);
  expect(again.rowsServed).toBe(size);
  await until('B equals A', () => JSON.stringify(thingsOf(b.file)) === JSON.stringify(a.things()));
  await b.stop();
});
