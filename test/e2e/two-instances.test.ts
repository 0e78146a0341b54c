import { join } from 'node:path';
import { until } from '../chaos/process';
import { type Thing, thingsOf } from '../chaos/things';
import { ServiceA } from './service-a';
import { ServiceB } from './service-b';

let a: ServiceA;
let instances: ServiceB[] = [];
const start = () => {
  const b = new ServiceB(a.url, join(a.directory, 'b.db'));
  instances.push(b);
  return b;
};

beforeEach(async () => {
  a = await ServiceA.start();
});
afterEach(async () => {
  for (const b of instances) {
    b.signal('SIGCONT');
    await b.kill();
  }
  instances = [];
  await a.stop();
});

/** Watches B's rows as a reader: none may ever go back. */
function watch(file: string) {
  const last = new Map<string, Thing>();
  const backwards: string[] = [];
  let looks = 0;
  const timer = setInterval(() => {
    looks++;
    for (const thing of thingsOf(file)) {
      const before = last.get(thing.id);
      if (before !== undefined && (thing.n < before.n || thing.updates < before.updates))
        backwards.push(`${thing.id}: ${before.n} -> ${thing.n}`);
      last.set(thing.id, thing);
    }
  }, 10);
  return { backwards, looks: () => looks, stop: () => clearInterval(timer) };
}

it('I2, I6, I8, I11: the bootstrapper is killed in mid-snapshot, the other completes; one expiry, one re-snapshot, nothing back in time', async () => {
  const zero = a.idsOf('0', 40);
  const one = a.idsOf('1', 40);
  for (let round = 0; round < 10; round++) a.write(...zero, ...one);
  a.write(...Array.from({ length: 2_000 }, (_, i) => `filler-${i}`));

  // two instances start on one file; the snapshot stops half-way, so that one of them is caught bootstrapping
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  a.beforeRow = (index) => (index === 1_200 ? held : Promise.resolve());
  const [first, second] = [start(), start()];
  await until('one instance bootstraps', () => first.count('snapshotStart') + second.count('snapshotStart') === 1);
  const [bootstrapper, other] = first.count('snapshotStart') === 1 ? [first, second] : [second, first];
  await bootstrapper.kill();
  expect(thingsOf(other.file)).toEqual([]);
  a.beforeRow = () => Promise.resolve();
  release();
  a.write(...zero, ...one);
  await until('the other one has taken over', () => other.count('snapshotEnd') === 1);
  await until('it has caught up', () => other.caughtUp);
  expect(thingsOf(other.file)).toEqual(a.things());

  // a second instance again; then both are frozen, partition 0 is trimmed past their position while partition 1 has traffic
  const again = start();
  await until('both follow', () => other.caughtUp && again.caughtUp);
  expect(again.count('snapshotStart')).toBe(0);
  const readers = watch(other.file);
  other.signal('SIGSTOP');
  again.signal('SIGSTOP');
  for (let round = 0; round < 10; round++) a.write(...zero);
  a.log.trim('things', { partition: '0', keep: 5 });
  a.write(...one);
  const traffic = setInterval(() => a.write(...one.slice(0, 10)), 10);
  other.signal('SIGCONT');
  again.signal('SIGCONT');
  await until('somebody has re-snapshotted', () => other.count('snapshotEnd') + again.count('snapshotEnd') > 1);
  await until('traffic went on for a while', () => readers.looks() > 50);
  clearInterval(traffic);
  a.write(...zero, ...one);
  await until('both are at the head', () => JSON.stringify(thingsOf(other.file)) === JSON.stringify(a.things()));
  await until('and say so', () => other.caughtUp && again.caughtUp);
  readers.stop();

  expect(thingsOf(other.file)).toEqual(a.things());
  expect(readers.backwards).toEqual([]);
  expect(other.count('snapshotEnd') + again.count('snapshotEnd')).toBe(2); // the bootstrap, and one re-snapshot
  const reasons = [...other.told, ...again.told].flatMap(({ type, reason }) =>
    type === 'mustRefetch' ? [reason] : [],
  );
  expect(new Set(reasons)).toEqual(new Set(['expired']));
  await other.stop();
  await again.stop();
});

it('I2: SIGKILL in mid-stream, twenty times: every update took effect once', async () => {
  const ids = Array.from({ length: 50 }, (_, i) => `id-${i}`);
  a.write(...ids);
  let b = start();
  const traffic = setInterval(() => a.write(...ids.slice(0, 10)), 3);
  for (let round = 0; round < 20; round++) {
    await until('it applies updates', () => b.count('updates') > round % 5);
    await b.kill();
    b = start();
  }
  clearInterval(traffic);
  await until('B equals A', () => JSON.stringify(thingsOf(b.file)) === JSON.stringify(a.things()));
  expect(instances.reduce((sum, instance) => sum + instance.count('snapshotEnd'), 0)).toBe(1);
  await b.stop();
});

it.each([
  ['changed', 'a re-created log', () => a.log.recreate('things')],
  [
    'ahead',
    'a log that is shorter than the position',
    () => {
      // what a restore from a backup, or a lost tail, leaves behind
      a.db.exec('delete from tidemark_log_record where offset >= 5');
      a.db.exec('update tidemark_log_partition set next = 5');
    },
  ],
] as const)('I7, I8: %s: %s is noticed, and the replica is correct afterwards', async (reason, _, damage) => {
  const ids = Array.from({ length: 30 }, (_, i) => `id-${i}`);
  for (let round = 0; round < 5; round++) a.write(...ids);
  const b = start();
  await until('B has caught up', () => b.caughtUp);
  damage();
  await until('B must refetch', () => b.count('mustRefetch') === 1);
  expect(b.told.find(({ type }) => type === 'mustRefetch')).toMatchObject({ reason });
  await until('B has a new snapshot', () => b.count('snapshotEnd') === 2);
  a.write(...ids);
  await until('B equals A', () => JSON.stringify(thingsOf(b.file)) === JSON.stringify(a.things()));
  await b.stop();
});
