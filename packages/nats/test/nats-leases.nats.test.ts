import { InvalidConfiguration, type Lease, Unavailable } from '@tidemark/core';
import { natsLeases } from '@tidemark/nats';
import { leaseStoreContract } from '@tidemark/testkit';
import { keyOf } from '../src/kv-key';
import { onBothServers } from './both-servers';
import { OwnBucket } from './own-bucket';

const lease = (key: string, owner: string | undefined, counter: number): Lease => ({ key, owner, counter });

onBothServers(({ client, address, it }) => {
  leaseStoreContract(
    { describe, it },
    {
      name: 'natsLeases',
      open: async () => {
        const own = await OwnBucket.open(address(), client);
        return { client: () => own.leases(), close: () => own.close() };
      },
    },
  );

  describe('natsLeases', () => {
    let own: OwnBucket;
    beforeEach(async () => {
      own = await OwnBucket.open(address(), client);
    });
    afterEach(() => own.close());

    it('looking makes no bucket', async () => {
      const leases = own.leases();
      expect(await leases.list()).toEqual([]);
      expect(await leases.write([{ seen: lease('a', 'x', 1), next: lease('a', 'x', 2) }])).toEqual([false]);
      expect(await leases.remove(lease('a', 'x', 1))).toBe(false);
      expect(await own.config()).toBeUndefined();
    });

    it('stores in one bucket are told apart by name, and from positions', async () => {
      const [a, b] = [own.leases({ name: 'a' }), own.leases({ name: 'a.b' })];
      await a.write([{ seen: undefined, next: lease('k', 'x', 1) }]);
      await b.write([{ seen: undefined, next: lease('k', 'y', 7) }]);
      await own.bucket().write(keyOf('positions', 'a'), 'a position', 0);
      expect(await a.list()).toEqual([lease('k', 'x', 1)]);
      expect(await b.list()).toEqual([lease('k', 'y', 7)]);
      expect(await own.leases().list()).toEqual([]);
    });

    it('writes of one lease in one call are done one after the other', async () => {
      const leases = own.leases();
      const writes = [undefined, lease('a', 'x', 1), lease('a', 'x', 2), lease('a', 'x', 1)].map((seen, i) => ({
        seen,
        next: lease('a', 'x', i + 1),
      }));
      expect(await leases.write(writes)).toEqual([true, true, true, false]);
      expect(await leases.list()).toEqual([lease('a', 'x', 3)]);
    });

    it('a lease that was removed can be written anew', async () => {
      const leases = own.leases();
      for (let i = 1; i < 4; i++) {
        expect(await leases.write([{ seen: undefined, next: lease('a', 'x', i) }])).toEqual([true]);
        expect(await leases.remove(lease('a', 'x', i))).toBe(true);
        expect(await leases.list()).toEqual([]);
      }
    });

    it('I11: of many that take a lease at once, again and again, one gets it each time', async () => {
      const stores = Array.from({ length: 5 }, () => own.leases());
      let seen: Lease | undefined;
      for (let round = 1; round <= 20; round++) {
        const next = stores.map((_, i) => lease('a', `owner-${i}`, round));
        const done = await Promise.all(stores.map((store, i) => store.write([{ seen, next: next[i] as Lease }])));
        expect(done.flat().filter(Boolean)).toEqual([true]);
        seen = next[done.findIndex(([won]) => won)];
        expect(await stores[0]?.list()).toEqual([seen]);
      }
    });

    it.each(['no json', 'null', '{}', '{"owner":7,"counter":1}'])('what is no lease is refused: %s', async (value) => {
      await own.bucket().write(keyOf('leases', 'leases', 'a'), value, 0);
      const leases = own.leases();
      await expect(leases.list()).rejects.toThrow(InvalidConfiguration);
      await expect(leases.write([{ seen: undefined, next: lease('a', 'x', 1) }])).rejects.toThrow(InvalidConfiguration);
      expect((await own.get(keyOf('leases', 'leases', 'a')))?.value).toBe(value);
    });

    it('a bucket that forgets is refused; so is a name that is none', async () => {
      await own.make({ max_age: 3_600_000_000_000 });
      await expect(own.leases().list()).rejects.toThrow(InvalidConfiguration);
      expect(() => natsLeases({ connection: own.connection, bucket: 'a b' })).toThrow(InvalidConfiguration);
    });

    it('a server that isn’t a cluster has no copies', async () => {
      const leases = natsLeases({ connection: own.connection, bucket: own.name, replicas: 3 });
      await expect(leases.write([{ seen: undefined, next: lease('a', 'x', 1) }])).rejects.toThrow('replicas');
    });

    it('I10: disposing ends a connection of its own, and leaves yours alone', async () => {
      const opened: Awaited<ReturnType<typeof own.directly>>[] = [];
      const connection = async () => {
        const one = await own.directly();
        opened.push(one);
        return one;
      };
      const leases = natsLeases({ connection, bucket: own.name });
      await leases.list();
      await leases[Symbol.asyncDispose]();
      expect(opened.map((one) => one.isClosed())).toEqual([true]);
      await expect(leases.list()).rejects.toMatchObject({ code: 'CONNECTION_ENDED' });
      const yours = natsLeases({ connection: own.connection, bucket: own.name });
      await yours.list();
      await yours[Symbol.asyncDispose]();
      expect(own.connection.isClosed()).toBe(false);
    });

    it('rejects while nobody can be reached', async () => {
      const gone = () => Promise.reject(new Error('connection refused'));
      await expect(natsLeases({ connection: gone, bucket: own.name }).list()).rejects.toThrow(Unavailable);
    });
  });
});
