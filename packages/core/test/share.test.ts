import { memoryLeases } from '@tidemark/memory';
import fc from 'fast-check';
import {
  beginning,
  type Description,
  InvalidConfiguration,
  type Lease,
  type LeaseStore,
  type PagedLog,
  pagedTransport,
  systemRuntime,
  Unavailable,
} from '../src';
import { shared } from '../src/share';
import { stopper } from './support/stopped';
import { type Instance, latencyMs, times, World } from './support/lease-world';

/** Long enough for everything: dead leases expire, and all that is stolen one at a time is. */
const rest = 3 * times.expiryMs + 16 * times.renewMs;

/** A repeatable chance. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const world = (partitions: number) => new World(partitions, seeded(1));
const counts = (instances: readonly Instance[]) => instances.map(({ has }) => has.size).sort();
const end = async (w: World) => {
  for (const { stop } of w.instances) stop.abort();
  await w.advance(2 * times.renewMs);
};

it('one instance has everything at once; others that join get their part, one at a time', async () => {
  const w = world(12);
  const first = w.join();
  await w.advance(1_000);
  expect(first.has.size).toBe(12);
  expect(first.told[0]).toBe('+12 -0');
  w.join();
  w.join();
  await w.advance(7 * times.renewMs);
  expect(counts(w.instances)).toEqual([4, 4, 4]);
  expect(w.readers()).toEqual(Array.from({ length: 12 }, () => 1));
  expect(first.told.every((one) => one === '+12 -0' || one === '+0 -0' || /^\+0 -[12]$/.test(one))).toBe(true);
  expect(w.faults).toEqual([]);
  await end(w);
});

it('an instance that stops gives its leases back: others take them without waiting for the expiry', async () => {
  const w = world(6);
  const [first, second] = [w.join(), w.join()];
  await w.advance(rest);
  expect(counts(w.instances)).toEqual([3, 3]);
  first.stop.abort();
  await w.advance(times.renewMs + 1_000);
  expect(second.has.size).toBe(6);
  await first.done;
  second.stop.abort();
  await w.advance(times.renewMs);
  await second.done;
  expect([...w.leases.values()].map(({ owner }) => owner)).toEqual(Array.from({ length: 6 }, () => undefined));
});

it('a dead instance is noticed when its counters have stood still for the expiry, not before', async () => {
  const w = world(6);
  const [first, second] = [w.join(), w.join()];
  await w.advance(rest);
  w.die(first);
  await w.advance(times.expiryMs - times.renewMs);
  expect(second.has.size).toBe(3);
  await w.advance(2 * times.renewMs + 1_000);
  expect(second.has.size).toBe(6);
  await end(w);
});

it('I11: a frozen instance, thawed, lets go at once, before it has asked the store', async () => {
  const w = world(4);
  const first = w.join();
  await w.advance(1_000);
  const second = w.join();
  await w.advance(rest);
  w.freeze(first);
  await w.advance(2 * times.expiryMs);
  expect(second.has.size).toBe(4);
  expect(first.has.size).toBe(2);
  w.thaw(first);
  await w.advance(0);
  expect(first.has.size).toBe(0);
  await w.advance(rest);
  expect(counts(w.instances)).toEqual([2, 2]);
  expect(w.faults).toEqual([]);
  await end(w);
});

it('goes on renewing while whoever takes the changes is stuck', async () => {
  const leases = memoryLeases();
  const stop = stopper();
  const assignments = shared({ leases, expiryMs: 60, renewMs: 10 }, { runtime: systemRuntime, describeMs: 10 });
  const changes = assignments(describing(1), stop.signal, () => undefined)[Symbol.asyncIterator]();
  await changes.next(); // and no further pull
  const [held] = await leases.list();
  expect(held?.owner).toMatch(/#/);
  await eventually(async () => ((await leases.list())[0]?.counter ?? 0) > (held?.counter ?? 0) + 10);
  expect((await leases.list())[0]?.owner).toBe(held?.owner);
  stop.abort();
  while ((await changes.next()).done !== true);
  expect((await leases.list())[0]?.owner).toBeUndefined();
});

it('partitions that appear are taken, those that disappear are given up and their leases removed', async () => {
  const w = world(2);
  const [first, second] = [w.join(), w.join()];
  await w.advance(rest);
  w.partitions = w.some(6);
  await w.advance(rest);
  expect(counts(w.instances)).toEqual([3, 3]);
  w.partitions = w.some(1);
  await w.advance(rest);
  expect(first.has.size + second.has.size).toBe(1);
  expect(w.leases.size).toBe(1);
  expect(w.faults).toEqual([]);
  await end(w);
});

it('new partitions are taken when the log tells of them, not at the next renewal', async () => {
  const w = world(1);
  const first = w.join();
  await w.advance(rest);
  for (let count = 2; count < 8; count++) {
    w.partitions = w.some(count);
    await w.advance(1_000 + 3 * latencyMs);
    expect(first.has.size).toBe(count);
  }
  await end(w);
});

it('a topic that is created anew has other leases: its partitions are assigned anew', async () => {
  const w = world(2);
  const first = w.join();
  await w.advance(rest);
  const before = [...w.leases.keys()];
  w.epoch = 'e2';
  await w.advance(rest);
  expect([...w.leases.keys()].filter((key) => before.includes(key))).toEqual([]);
  expect(first.told).toContain('+0 -2');
  expect(first.has.size).toBe(2);
  await end(w);
});

it('a topic that is created anew at any moment of a round: no partition is assigned twice', async () => {
  for (let ms = 0; ms < times.renewMs; ms += latencyMs / 2) {
    const w = world(2);
    const first = w.join();
    await w.advance(rest + ms);
    w.epoch = 'e2';
    await w.advance(rest);
    expect({ ms, faults: w.faults, has: first.has.size }).toEqual({ ms, faults: [], has: 2 });
    await end(w);
  }
});

it('leases of partitions that only others know stay theirs; what nobody renews is removed', async () => {
  const w = world(1);
  const stray: Lease = { key: '["elsewhere","0",null]', owner: 'another#1', counter: 1 };
  w.leases.set(stray.key, stray);
  const first = w.join();
  for (let i = 0; i < 10; i++) {
    await w.advance(times.renewMs);
    expect(w.leases.get(stray.key)?.counter).toBe(i + 1);
    w.leases.set(stray.key, { ...stray, counter: i + 2 });
  }
  expect(first.has.size).toBe(1);
  await w.advance(rest);
  expect(w.leases.has(stray.key)).toBe(false);
  await end(w);
});

it('a store that fails is told and asked again; what could not be renewed in time is let go of, then taken again', async () => {
  const w = world(3);
  const first = w.join();
  await w.advance(rest);
  w.outage = () => Promise.reject(new Unavailable('the store is out of reach'));
  await w.advance(times.renewMs + 1_000);
  expect(first.troubles.length).toBeGreaterThan(0);
  expect(first.has.size).toBe(3);
  await w.advance(times.expiryMs);
  expect(first.has.size).toBe(0);
  w.outage = undefined;
  await w.advance(2 * times.renewMs);
  expect(first.has.size).toBe(3);
  expect(first.failed).toBeUndefined();
  await end(w);
});

it('a store that hangs: what is held lapses, and stopping does not wait for it', async () => {
  const w = world(3);
  const first = w.join();
  await w.advance(rest);
  w.outage = () => new Promise(() => undefined);
  await w.advance(times.expiryMs + 2 * times.renewMs);
  expect(first.has.size).toBe(0);
  first.stop.abort();
  await w.advance(times.renewMs);
  await first.done;
});

it('a store that says no for good ends the reading with what it said', async () => {
  const w = world(3);
  const first = w.join();
  await w.advance(rest);
  const refused = new InvalidConfiguration('no such table');
  w.outage = () => Promise.reject(refused);
  await w.advance(2 * times.renewMs);
  await first.done;
  expect(first.failed).toBe(refused);
});

it('a write whose outcome is unknown is found in the store, in the next round', async () => {
  const store = memoryLeases();
  const troubles: Error[] = [];
  const leases: LeaseStore = {
    ...store,
    write: async (writes) => {
      const done = await store.write(writes);
      if (troubles.length === 0) throw new Unavailable('the connection broke after the write');
      return done;
    },
  };
  const stop = stopper();
  const assignments = shared({ leases, expiryMs: 3_000, renewMs: 10 }, { runtime: systemRuntime, describeMs: 10 });
  const has: string[] = [];
  const changes = assignments(describing(3), stop.signal, (error) => troubles.push(error));
  for await (const { assigned } of changes) {
    has.push(...assigned.map(({ partition }) => partition));
    if (has.length === 3) stop.abort();
  }
  expect(has.sort()).toEqual(['0', '1', '2']);
  expect(troubles).toHaveLength(1);
});

it('what is taken away while it is being renewed is let go of at once, not in the next round', async () => {
  const store = memoryLeases();
  let [stolen, lists] = [false, 0];
  const leases: LeaseStore = {
    ...store,
    list: () => {
      lists++;
      return store.list();
    },
    write: async (writes) => {
      const [first] = writes;
      if (first?.seen?.owner !== undefined && !stolen) {
        stolen = true;
        await store.write([{ seen: first.seen, next: { ...first.next, owner: 'thief#1' } }]);
      }
      return store.write(writes);
    },
  };
  const stop = stopper();
  const assignments = shared({ leases, expiryMs: 3_000, renewMs: 10 }, { runtime: systemRuntime, describeMs: 10 });
  const gone: string[] = [];
  for await (const { revoked } of assignments(describing(3), stop.signal, () => undefined)) {
    if (revoked.length === 0) continue;
    gone.push(...revoked.map(({ partition }) => partition));
    expect(lists).toBe(2);
    stop.abort();
  }
  expect(gone).toHaveLength(1);
});

it('refuses times under which leases would expire between renewals, and two ways at once', () => {
  const leases = memoryLeases();
  const log = { kind: 'toy', topics: { t: 't' } } as PagedLog<'t'>;
  expect(() => pagedTransport(log, { share: { leases, renewMs: 4_000 } })).toThrow(InvalidConfiguration);
  expect(() => pagedTransport(log, { share: { leases, expiryMs: 5_000 } })).toThrow(InvalidConfiguration);
  expect(() => pagedTransport(log, { share: { leases, renewMs: Number.NaN } })).toThrow(InvalidConfiguration);
  const assignments = async function* () {};
  expect(() => pagedTransport(log, { share: { leases }, assignments })).toThrow('not both');
  expect(pagedTransport(log, { share: { leases } }).reads).toBe('share');
});

it('I11: after any joins, ends, deaths and freezes: every partition has one reader, balanced within one', async () => {
  const step = fc.record({
    act: fc.constantFrom('join', 'join', 'stop', 'die', 'freeze', 'thaw', 'grow', 'shrink'),
    whom: fc.nat(9),
    after: fc.integer({ min: 0, max: 12_000 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.array(step, { maxLength: 14 }),
      fc.integer(),
      fc.boolean(),
      async (partitions, steps, seed, thawed) => {
        const w = new World(partitions, seeded(seed));
        w.join();
        for (const { act, whom, after } of steps) {
          await w.advance(after);
          const one = w.instances[whom % w.instances.length] as Instance;
          if (act === 'join' && w.instances.length < 6) w.join();
          else if (act === 'stop') one.stop.abort();
          else if (act === 'die') w.die(one);
          else if (act === 'freeze') w.freeze(one);
          else if (act === 'thaw') w.thaw(one);
          else if (act === 'grow') w.partitions = w.some(Math.min(12, w.partitions.length + 2));
          else if (act === 'shrink') w.partitions = w.some(Math.max(1, w.partitions.length - 2));
        }
        if (thawed) for (const one of w.instances) w.thaw(one);
        if (w.living().length === 0) w.join();
        await w.advance(rest);
        expect(w.faults).toEqual([]);
        expect(w.readers()).toEqual(w.partitions.map(() => 1));
        const shares = counts(w.living());
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        expect(w.instances.map(({ failed }) => failed).filter((failed) => failed !== undefined)).toEqual([]);
        await end(w);
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

/** A log of one topic that stays as it is. */
const describing = (count: number) => (): Promise<Description> =>
  Promise.resolve({
    source: { kind: 'toy', order: 'decimal', epochs: {} },
    partitions: Array.from({ length: count }, (_, i) => ({
      topic: 't',
      partition: String(i),
      trimmed: beginning,
      head: beginning,
    })),
  });

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await condition());) {
    if (Date.now() > deadline) throw new Error('not within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
