import { DatabaseSync } from '@photostructure/sqlite';
import { type LeaseStore } from '@tidemark/core';
import { sqliteLeases } from '@tidemark/sqlite';
import { join } from 'node:path';
import { until } from '../chaos/process';
import { thingsOf } from '../chaos/things';
import { ServiceA } from './service-a';
import { ServiceB } from './service-b';
import { type Member, same, sharingRounds, watchMarks } from './sharing-rounds';

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

it('I1, I2, I11: three instances share twelve partitions by leases: ten rounds of one killed, one frozen and thawed, one joining', async () => {
  const ids = Array.from({ length: 240 }, (_, i) => `id-${i}`);
  a.write(...ids);
  const started = [another(), another(), another()];
  await until('somebody has bootstrapped', () => instances.some((b) => b.count('snapshotEnd') > 0));
  const reader = new DatabaseSync(file, { timeout: 5_000 });
  const leases = sqliteLeases(reader);
  const positions = watchMarks(file);
  let turn = 0;
  const traffic = setInterval(() => a.write(...ids.slice((turn = (turn + 10) % 240), turn + 10)), 10);
  const members = await sharingRounds({ file, partitions, another, shares: () => shares(leases) }, started, rounds);

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
