import fc from 'fast-check';
import { type Lease } from '../src';
import { type LeaseView, planLeases } from '../src/lease-plan';

const me = 'me';
const view = (owners: readonly (string | undefined)[], expired: readonly number[] = []): LeaseView => {
  const keys = owners.map((_, i) => `k${i}`);
  const leases = new Map(keys.map((key, i): [string, Lease] => [key, { key, owner: owners[i], counter: 1 }]));
  return { keys, leases, expired: new Set(expired.map((i) => `k${i}`)), me };
};
const first = () => 0;

describe('planLeases', () => {
  it('takes what nobody has, up to its share', () => {
    expect(planLeases({ ...view([]), keys: ['a', 'b', 'c'], leases: new Map() }, first)).toHaveLength(3);
    expect(planLeases(view([undefined, undefined, undefined, 'x']), first)).toHaveLength(2);
    expect(planLeases(view([undefined, me, 'x', 'x']), first)).toEqual(['k0']);
    expect(planLeases(view([undefined, me, me, 'x']), first)).toEqual([]);
  });

  it('takes what has expired, and counts its owner no more', () => {
    expect(planLeases(view(['x', 'x', 'y', me], [0, 1]), first)).toEqual(['k0']);
    expect(planLeases(view(['x', 'x', 'x', me], [0, 1, 2]), first)).toHaveLength(3);
    expect(planLeases(view([me, me], [0, 1]), first)).toEqual([]); // one's own don't expire by being looked at
  });

  it('steals one at a time from the most loaded, and only if that has two more', () => {
    expect(planLeases(view(['x', 'x', 'x', 'y', 'y']), first)).toEqual(['k0']);
    expect(planLeases(view(['x', 'x', me]), first)).toEqual([]);
    expect(planLeases(view(['x', 'y']), first)).toEqual([]);
    expect(planLeases(view(['x', 'x', 'x', undefined]), first)).toEqual(['k3']); // nothing is stolen while some is free
  });

  it('keeps to the partitions that the log has', () => {
    const leases = view(['x', 'x', 'x', 'x']).leases;
    expect(planLeases({ keys: ['k0'], leases, expired: new Set(), me }, first)).toEqual([]);
    expect(planLeases({ keys: [], leases, expired: new Set(), me }, first)).toEqual([]);
  });

  const situation = fc.record({
    owners: fc.array(fc.constantFrom('a', 'b', 'c', 'd', undefined), { maxLength: 16 }),
    expired: fc.array(fc.nat(15)),
    chances: fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
  });
  const chance = (chances: Iterator<number>) => () => chances.next().value as number;

  it('never takes its own, never beyond its share, nothing twice', () => {
    fc.assert(
      fc.property(situation, ({ owners, expired, chances }) => {
        const before = { ...view(owners, expired), me: 'a' };
        const taken = planLeases(before, chance(chances));
        const mine = owners.filter((owner) => owner === 'a').length;
        expect(new Set(taken).size).toBe(taken.length);
        expect(taken.every((key) => before.leases.get(key)?.owner !== 'a')).toBe(true);
        const others = owners.filter((owner, i) => owner !== undefined && owner !== 'a' && !expired.includes(i));
        const share = Math.ceil(owners.length / (new Set(others).size + 1));
        if (taken.length > 0) expect(mine + taken.length).toBeLessThanOrEqual(share);
      }),
    );
  });

  it('in turn, it comes to rest: everything has an owner, balanced within one', () => {
    fc.assert(
      fc.property(situation, fc.integer({ min: 1, max: 4 }), ({ owners, chances }, living) => {
        const instances = ['a', 'b', 'c', 'd'].slice(0, living);
        const random = chance(chances);
        const stands: (string | undefined)[] = [...owners];
        const expired = stands.flatMap((owner, i) => (owner !== undefined && instances.includes(owner) ? [] : [i]));
        for (let round = 0, moved = true; moved; round++) {
          expect(round).toBeLessThan(100);
          moved = false;
          for (const one of instances) {
            const left = expired.filter((i) => !instances.includes(stands[i] ?? ''));
            for (const key of planLeases({ ...view(stands, left), me: one }, random)) {
              stands[Number(key.slice(1))] = one;
              moved = true;
            }
          }
        }
        const counts = instances.map((one) => stands.filter((owner) => owner === one).length);
        expect(counts.reduce((a, b) => a + b, 0)).toBe(stands.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
