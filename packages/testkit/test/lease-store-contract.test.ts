import { type Lease, type LeaseStore } from '@tidemark/core';
import { memoryLeases } from '@tidemark/memory';
import { leaseStoreContract } from '@tidemark/testkit';
import { run } from './collecting-runner';

/** A store with one fault in it. */
type Fault = (store: LeaseStore) => LeaseStore;

const suite = (fault: Fault) => (runner: Parameters<typeof leaseStoreContract>[0]) =>
  leaseStoreContract(runner, {
    name: 'faulty',
    open: async () => {
      const store = fault(memoryLeases());
      return { client: () => store, close: async () => undefined };
    },
  });

const find = async (store: LeaseStore, key: string): Promise<Lease | undefined> =>
  (await store.list()).find((lease) => lease.key === key);

/** Finds the lease as it is now, if `passes` says that what was seen is good enough. */
const compares =
  (passes: (stored: Lease | undefined, seen: Lease | undefined) => boolean): Fault =>
  (store) => ({
    ...store,
    write: async (writes) => {
      const done: boolean[] = [];
      for (const { next, seen } of writes) {
        const stored = await find(store, next.key);
        done.push(...(await store.write([{ next, seen: passes(stored, seen) ? stored : seen }])));
      }
      return done;
    },
  });

const faults: readonly (readonly [string, RegExp, Fault])[] = [
  ['ignores who the owner is', /owner and counter, both/, compares((a, b) => a?.counter === b?.counter)],
  ['ignores the counter', /owner and counter, both/, compares((a, b) => a?.owner === b?.owner)],
  ['takes a lease that is there for none', /owner and counter, both/, compares((_, seen) => seen === undefined)],
  ['takes one given back for none', /has no owner/, compares((a, b) => a?.owner === undefined && b === undefined)],
  [
    'writes all or nothing',
    /its own condition/,
    (store) => ({
      ...store,
      write: async (writes) => {
        const stored = new Map((await store.list()).map((lease) => [lease.key, lease]));
        const good = writes.every(({ next, seen }) => stored.get(next.key)?.counter === seen?.counter);
        return good ? store.write(writes) : writes.map(() => false);
      },
    }),
  ],
  [
    'looks first and writes later',
    /one is done/,
    (store) => ({
      ...store,
      write: async (writes) => {
        const [first] = writes;
        if (first === undefined) return [];
        const { key } = first.next;
        if ((await find(store, key))?.counter !== first.seen?.counter) return [false];
        for (;;) {
          const [done] = await store.write([{ next: first.next, seen: await find(store, key) }]);
          if (done === true) return [true];
        }
      },
    }),
  ],
  [
    'removes without a condition',
    /removes on the same condition/,
    (store) => ({
      ...store,
      remove: async ({ key }) => {
        const stored = await find(store, key);
        return stored !== undefined && store.remove(stored);
      },
    }),
  ],
];

it('a store without a fault passes', async () => {
  const { ran, failed } = await run(
    suite((store) => store),
    /./,
  );
  expect(failed).toEqual([]);
  expect(ran).toBeGreaterThan(5);
});

it.each(faults)('sees a store that %s', async (_, names, fault) => {
  const { ran, failed } = await run(suite(fault), names);
  expect(ran).toBe(1);
  expect(failed).toHaveLength(1);
});
