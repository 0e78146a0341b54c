import {
  applyTo,
  remove,
  type Runtime,
  type Snapshot,
  type SnapshotChunk,
  SnapshotRejected,
  type SnapshotRequest,
  type SnapshotSource,
  snapshotThenSubscribe,
  systemRuntime,
  translate,
  upsert,
} from '@tidemark/core';
import * as fc from 'fast-check';
import * as t from 'io-ts';
import { sqliteLog } from '../src/sqlite-log';
import { sqliteTable } from '../src/sqlite-table';
import { type TestDatabase, TestFile } from './database';

const Work = t.type({ id: t.string, n: t.number });
type Work = t.TypeOf<typeof Work>;
const Update = t.union([Work, t.type({ gone: t.string })]);

const size = 12;
const fast = { takeoverMs: 30, beatMs: 5, watchMs: 10, aheadMs: 50, retryMs: 10 };

/** What happens to the snapshot of one opening, after so many chunks of two rows. */
type Fate = { readonly after: number } & (
  { readonly then: 'cut' | 'die' } | { readonly then: 'forget'; readonly next: 'cut' | 'die' }
);

/** A keeps what it took, by id, until it forgets; its state changes everywhere between any two snapshots. */
class ServiceA {
  readonly db: TestDatabase;
  readonly log;
  readonly taken: Work[][] = [];
  rowsServed = 0;
  private kept: Snapshot[] = [];
  private rows = new Map<string, readonly Work[]>();

  constructor(file: TestFile) {
    this.db = file.connect();
    this.log = sqliteLog(this.db, { reader: () => file.connect(), topics: { work: { partitions: 2 } } });
    this.db.exec('create table work_of_a (id text primary key, n integer not null)');
    for (let i = 0; i < size; i++) this.set(`w${i}`, 0);
  }

  set(id: string, n: number): void {
    this.db.exec('begin immediate');
    this.db.prepare('insert or replace into work_of_a values (?, ?)').run(id, n);
    this.log.append('work', [{ key: id, value: JSON.stringify({ id, n }) }]);
    this.db.exec('commit');
  }

  remove(id: string): void {
    this.db.exec('begin immediate');
    this.db.prepare('delete from work_of_a where id = ?').run(id);
    this.log.append('work', [{ key: id, value: JSON.stringify({ gone: id }) }]);
    this.db.exec('commit');
  }

  all(): Work[] {
    return this.db.prepare('select id, n from work_of_a order by id').all() as Work[];
  }

  /** Serves one opening after the other as the fates say, then whole ones. `die` tells that B is dead from now on. */
  source(fates: readonly Fate[], die: () => void): SnapshotSource {
    let opened = 0;
    return {
      open: async (request) => {
        const fate = fates[opened++];
        if (fate?.then === 'forget') this.kept = [];
        const [id, from] = request.resume?.split(':') ?? [];
        const known = this.kept.find((one) => one.id === id);
        const snapshot = known ?? (await this.take(request));
        const resumed = known === undefined ? 0 : Number(from);
        return { ...snapshot, resumed: known !== undefined, chunks: this.chunks(snapshot.id, resumed, fate, die) };
      },
    };
  }

  private async take({ scope, signal }: SnapshotRequest): Promise<Snapshot> {
    const n = this.taken.length + 1;
    for (const { id } of this.all()) this.set(id, n * 10);
    this.remove(`w${n % size}`);
    this.set(`new-${n}`, n);
    const position = await this.log.locate('head', signal);
    const rows = this.all();
    const snapshot = { id: `s${n}`, position, scope, count: rows.length, chunks: (async function* () {})() };
    this.rows.set(snapshot.id, rows);
    this.taken.push(rows);
    this.kept.push(snapshot);
    return snapshot;
  }

  private async *chunks(
    id: string,
    from: number,
    fate: Fate | undefined,
    die: () => void,
  ): AsyncGenerator<SnapshotChunk, void, undefined> {
    const rows = this.rows.get(id) ?? [];
    const end = fate?.then === 'forget' ? fate.next : fate?.then;
    let handed = 0;
    for (let at = from; at < rows.length; at += 2) {
      if (handed++ === fate?.after) {
        if (end === 'cut') throw new SnapshotRejected('cut off', true);
        die();
        await new Promise(() => undefined);
      }
      const chunk = rows.slice(at, at + 2);
      this.rowsServed += chunk.length;
      yield { rows: chunk, token: `${id}:${at + chunk.length}` };
    }
  }
}

/** Instances of B, each after the death of the one before. A dead one stands still: its heartbeat ends, its snapshot hangs. */
async function run(fates: readonly Fate[]) {
  const file = new TestFile();
  const ended: (() => Promise<unknown>)[] = [];
  try {
    const a = new ServiceA(file);
    const bRows = (db: TestDatabase) => db.prepare('select id, n from work order by id').all() as Work[];
    let swapped: Work[] = [];
    let remaining = fates;
    for (;;) {
      let dead = false;
      let died: (outcome: 'dead') => void = () => undefined;
      const death = new Promise<'dead'>((resolve) => (died = resolve));
      const die = () => {
        dead = true;
        died('dead');
      };
      const runtime: Runtime = {
        ...systemRuntime,
        sleep: (ms, signal) => systemRuntime.sleep(dead ? 1e9 : ms, signal),
      };
      const db = file.connect();
      const source = a.source(remaining, die);
      let opened = 0;
      const pipeline = snapshotThenSubscribe({
        name: 'work',
        snapshot: { open: (request) => (opened++, source.open(request)) },
        transport: a.log,
        decode: { work: { row: Work, update: Update } },
        times: fast,
        runtime,
      }).pipe(
        translate((m) => ('gone' in m.value ? remove(m.value.gone) : upsert(m.value))),
        applyTo(sqliteTable<Work>(db, { table: 'work', key: 'id', columns: { id: 'text', n: 'integer' } })),
      );
      pipeline.subscribe({
        next: ({ type }) => {
          if (type === 'snapshotEnd') swapped = bRows(db);
        },
        error: () => undefined,
      });
      const caughtUp = pipeline.caughtUp({ timeoutMs: 20_000 });
      ended.push(() => pipeline.stop());
      const outcome = await Promise.race([caughtUp.then(() => 'caughtUp' as const), death]);
      caughtUp.catch(() => undefined);
      if (outcome === 'caughtUp') {
        expect(a.taken).toContainEqual(swapped);
        expect(bRows(db)).toEqual(a.all());
        return { a, rowsServed: a.rowsServed };
      }
      remaining = remaining.slice(opened);
    }
  } finally {
    for (const end of ended) await end().catch(() => undefined);
    file.close();
  }
}

it('I6: who comes after a death goes on where it was: no row is served twice', async () => {
  const { a, rowsServed } = await run([
    { after: 2, then: 'die' },
    { after: 1, then: 'cut' },
    { after: 1, then: 'die' },
  ]);
  expect(a.taken).toHaveLength(1);
  expect(rowsServed).toBe(a.taken[0]?.length);
});

it('I6: where A has forgotten the snapshot meanwhile, everything begins anew', async () => {
  const { a, rowsServed } = await run([
    { after: 2, then: 'die' },
    { after: 1, then: 'forget', next: 'cut' },
  ]);
  expect(a.taken).toHaveLength(2);
  expect(rowsServed).toBe(4 + (a.taken[1]?.length ?? 0));
});

it('I2, I6, I11: wherever snapshots are cut, forgotten, and instances die, readers see one whole snapshot, then the head', async () => {
  const fate: fc.Arbitrary<Fate> = fc
    .tuple(fc.nat(7), fc.constantFrom('cut', 'die'), fc.integer({ min: 0, max: 3 }))
    .map(([after, end, dice]) => (dice === 0 ? { after, then: 'forget', next: end } : { after, then: end }));
  await fc.assert(
    fc.asyncProperty(fc.array(fate, { maxLength: 4 }), async (fates) => {
      await run(fates);
    }),
    { numRuns: 15 },
  );
}, 120_000);
