import { DatabaseSync } from '@photostructure/sqlite';
import { type LeaseStore } from '@tidemark/core';
import { sqliteLeases } from '@tidemark/sqlite';
import { join } from 'node:path';
import { until } from '../chaos/process';
import { thingsOf } from '../chaos/things';
import { ServiceA } from './service-a';
import { ServiceB } from './service-b';

const partitions = 12;
const rounds = 10;

let a: ServiceA;
let file: string;
let instances: ServiceB[] = [];

beforeEach(async () => {
  a = await ServiceA.start(partitions);
  file = join(a.directory, 'b.db');
});
afterEach(async () => {
  for (const b of instances) {
    b.signal('SIGCONT');
    await b.kill();
  }
  instances = [];
  await a.stop();
});

interface Member {
  readonly name: string;
  readonly b: ServiceB;
}

function another(): Member {
  const name = `i${instances.length + 1}`;
  const b = new ServiceB(a.url, file, { owner: name });
  instances.push(b);
  return { name, b };
}

/** How many partitions each has, as the store tells. */
async function shares(leases: LeaseStore): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const { owner } of await leases.list()) {
    const name = owner?.split('#')[0] ?? 'nobody';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Freezes it, but not while it holds the file's write lock: SQLite lets nobody else write until it goes on. */
async function freeze({ b }: Member): Promise<void> {
  const db = new DatabaseSync(file, { timeout: 300 });
  try {
    for (;;) {
      b.signal('SIGSTOP');
      try {
        db.exec('begin immediate; rollback');
        return;
      } catch {
        b.signal('SIGCONT');
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  } finally {
    db.close();
  }
}

/** Watches where the replica stands, as any reader of its file: no partition may ever go back. */
function watch() {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  const last = new Map<string, number>();
  const backwards: string[] = [];
  let looks = 0;
  const timer = setInterval(() => {
    looks++;
    const marks = db.prepare('select partition, through from tidemark_mark where owner = ?').all('replica:things');
    for (const { partition, through } of marks as { partition: string; through: string }[]) {
      const at = through === 'beginning' ? -1 : Number(through);
      const before = last.get(partition) ?? -1;
      if (at < before) backwards.push(`${partition}: ${before} -> ${at}`);
      last.set(partition, at);
    }
  }, 10);
  return {
    backwards,
    looks: () => looks,
    stop: () => {
      clearInterval(timer);
      db.close();
    },
  };
}

it('I1, I2, I11: three instances share twelve partitions by leases: ten rounds of one killed, one frozen and thawed, one joining', async () => {
  const ids = Array.from({ length: 240 }, (_, i) => `id-${i}`);
  a.write(...ids);
  let members = [another(), another(), another()];
  await until('somebody has bootstrapped', () => instances.some((b) => b.count('snapshotEnd') > 0));
  const reader = new DatabaseSync(file, { timeout: 5_000 });
  const leases = sqliteLeases(reader);
  const shared = async (): Promise<void> => {
    const fair = members.map(({ name }): [string, number] => [name, partitions / members.length]).sort();
    await eventually('all have a fair share', async () => same([...(await shares(leases))].sort(), fair));
  };
  const positions = watch();
  let turn = 0;
  const traffic = setInterval(() => a.write(...ids.slice((turn = (turn + 10) % 240), turn + 10)), 10);

  for (let round = 0; round < rounds; round++) {
    await shared();
    const [killed, frozen, left] = members as [Member, Member, Member];
    await freeze(frozen);
    const revoked = frozen.b.count('revoked');
    await killed.b.kill();
    const joined = another();
    await eventually('others have taken what they had', async () => {
      const now = await shares(leases);
      return !now.has(killed.name) && !now.has(frozen.name) && (now.get(joined.name) ?? 0) > 0;
    });
    frozen.b.signal('SIGCONT');
    await until('the thawed one lets go', () => frozen.b.count('revoked') > revoked);
    members = [frozen, left, joined];
  }

  await shared();
  clearInterval(traffic);
  await until('B equals A', () => same(thingsOf(file), a.things()));
  await until('all have caught up', () => members.every(({ b }) => b.caughtUp));
  positions.stop();
  expect(thingsOf(file)).toEqual(a.things());
  expect(positions.backwards).toEqual([]);
  expect(positions.looks()).toBeGreaterThan(100);
  const count = (type: string) => instances.reduce((sum, b) => sum + b.count(type), 0);
  expect([count('snapshotEnd'), count('mustRefetch'), count('failed')]).toEqual([1, 0, 0]);
  for (const { b } of members) await b.stop();
  expect([...(await shares(leases))]).toEqual([['nobody', partitions]]);
  reader.close();
});

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

async function eventually(what: string, condition: () => Promise<boolean>, deadlineMs = 30_000): Promise<void> {
  for (const end = Date.now() + deadlineMs; !(await condition());) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
