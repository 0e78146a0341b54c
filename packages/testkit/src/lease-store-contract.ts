import { type Lease, type LeaseStore } from '@tidemark/core';
import { deepStrictEqual } from 'node:assert/strict';
import { type TestRunner } from './test-runner';

export interface LeaseStoreContract {
  readonly name: string;
  open(): Promise<LeaseStoreFixture>;
}

/** A fresh, empty store for one scenario. */
export interface LeaseStoreFixture {
  /** Another client of the same store, as another instance has one. */
  client(): LeaseStore;
  close(): Promise<void>;
}

const lease = (key: string, owner: string | undefined, counter: number): Lease => ({ key, owner, counter });
const sorted = async (store: LeaseStore): Promise<Lease[]> =>
  [...(await store.list())]
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, owner, counter }) => ({ key, owner, counter }));

/**
 * The universal suite for lease stores: every write is conditional on owner and counter, and on its own.
 *
 * @example leaseStoreContract({ describe, it }, { name: 'memoryLeases', open })
 */
export function leaseStoreContract(runner: TestRunner, contract: LeaseStoreContract): void {
  const scenario = (name: string, body: (mine: LeaseStore, other: LeaseStore) => Promise<void>): void => {
    runner.it(name, async () => {
      const fixture = await contract.open();
      try {
        await body(fixture.client(), fixture.client());
      } finally {
        await fixture.close();
      }
    });
  };

  runner.describe(`${contract.name}: lease store contract`, () => {
    scenario('is empty at first', async (mine) => {
      deepStrictEqual(await mine.list(), []);
      deepStrictEqual(await mine.write([]), []);
      deepStrictEqual(await mine.remove(lease('a', 'x', 1)), false);
    });

    scenario('keeps what was written, for every client, whatever the names', async (mine, other) => {
      const odd = ['', ' ', '["t","0",null]', '__proto__', "o'clock", 'ключ', 'a'.repeat(500)].map((key, i) =>
        lease(key, key, i + 1),
      );
      deepStrictEqual(
        await mine.write(odd.map((next) => ({ next, seen: undefined }))),
        odd.map(() => true),
      );
      deepStrictEqual(
        await sorted(other),
        [...odd].sort((a, b) => (a.key < b.key ? -1 : 1)),
      );
    });

    scenario('writes only what is still as seen: owner and counter, both', async (mine, other) => {
      const first = lease('a', 'x', 1);
      deepStrictEqual(await mine.write([{ next: first, seen: undefined }]), [true]);
      for (const seen of [undefined, lease('a', 'y', 1), lease('a', 'x', 2), lease('a', undefined, 1)])
        deepStrictEqual(await other.write([{ next: lease('a', 'y', 9), seen }]), [false]);
      deepStrictEqual(await other.write([{ next: lease('b', 'y', 9), seen: first }]), [false]);
      deepStrictEqual(await sorted(mine), [first]);
      deepStrictEqual(await other.write([{ next: lease('a', 'y', 2), seen: first }]), [true]);
      deepStrictEqual(await mine.write([{ next: lease('a', 'x', 2), seen: first }]), [false]);
      deepStrictEqual(await sorted(mine), [lease('a', 'y', 2)]);
    });

    scenario('a lease that was given back has no owner, and is taken on the same condition', async (mine, other) => {
      await mine.write([{ next: lease('a', 'x', 1), seen: undefined }]);
      deepStrictEqual(await mine.write([{ next: lease('a', undefined, 2), seen: lease('a', 'x', 1) }]), [true]);
      deepStrictEqual(await sorted(other), [lease('a', undefined, 2)]);
      deepStrictEqual(await other.write([{ next: lease('a', 'y', 3), seen: undefined }]), [false]);
      deepStrictEqual(await other.write([{ next: lease('a', 'y', 3), seen: lease('a', undefined, 2) }]), [true]);
    });

    scenario('each write has its own condition: what fails holds nothing else back', async (mine) => {
      await mine.write([{ next: lease('b', 'y', 7), seen: undefined }]);
      const writes = ['a', 'b', 'c'].map((key) => ({ next: lease(key, 'x', 1), seen: undefined }));
      deepStrictEqual(await mine.write(writes), [true, false, true]);
      deepStrictEqual(await sorted(mine), [lease('a', 'x', 1), lease('b', 'y', 7), lease('c', 'x', 1)]);
    });

    scenario('of many that write at once, one is done', async (mine, other) => {
      const all = Array.from({ length: 20 }, (_, i) =>
        (i % 2 === 0 ? mine : other).write([{ next: lease('a', `x${i}`, 1), seen: undefined }]),
      );
      const done = (await Promise.all(all)).flat();
      deepStrictEqual(done.filter(Boolean), [true]);
      deepStrictEqual(await sorted(mine), [lease('a', `x${done.indexOf(true)}`, 1)]);
    });

    scenario('removes on the same condition', async (mine, other) => {
      await mine.write(['a', 'b'].map((key) => ({ next: lease(key, 'x', 1), seen: undefined })));
      deepStrictEqual(await other.remove(lease('a', 'x', 2)), false);
      deepStrictEqual(await other.remove(lease('a', undefined, 1)), false);
      deepStrictEqual(await other.remove(lease('a', 'x', 1)), true);
      deepStrictEqual(await other.remove(lease('a', 'x', 1)), false);
      deepStrictEqual(await sorted(mine), [lease('b', 'x', 1)]);
    });
  });
}
