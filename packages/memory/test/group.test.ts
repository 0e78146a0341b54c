import fc from 'fast-check';
import { divide, type Member } from '../src/group';

/** Some keys, some members, and owners among the members. */
const situation = fc
  .record({ keys: fc.nat(12), members: fc.integer({ min: 1, max: 6 }), owned: fc.array(fc.nat(6), { maxLength: 12 }) })
  .map(({ keys: count, members: size, owned }) => {
    const keys = Array.from({ length: count }, (_, i) => `p${i}`);
    const members = Array.from({ length: size }, (_, id): Member => ({ id }));
    const owners = new Map<string, Member>();
    for (const [i, key] of keys.entries()) {
      const owner = members[owned[i] ?? size];
      if (owner !== undefined) owners.set(key, owner);
    }
    return { keys, members, owners };
  });

const countOf = (fair: ReadonlyMap<string, Member>, member: Member) =>
  [...fair.values()].filter((owner) => owner === member).length;

describe('dividing partitions', () => {
  it('gives every partition to one member, and shares differ by one at most', () => {
    fc.assert(
      fc.property(situation, ({ keys, members, owners }) => {
        const fair = divide(keys, members, owners);
        expect([...fair.keys()].sort()).toEqual([...keys].sort());
        const counts = members.map((member) => countOf(fair, member));
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('takes from nobody who has no more than the fair share', () => {
    fc.assert(
      fc.property(situation, ({ keys, members, owners }) => {
        const fair = divide(keys, members, owners);
        const least = Math.floor(keys.length / members.length);
        for (const member of members) {
          const had = keys.filter((key) => owners.get(key) === member);
          const kept = had.filter((key) => fair.get(key) === member);
          expect(kept.length).toBeGreaterThanOrEqual(Math.min(had.length, least));
        }
      }),
    );
  });

  it('settles: divided again, from where it led to, nothing moves', () => {
    fc.assert(
      fc.property(situation, ({ keys, members, owners }) => {
        const fair = divide(keys, members, owners);
        expect(new Map(divide(keys, members, fair))).toEqual(new Map(fair));
        const released = new Map([...owners].filter(([key, owner]) => fair.get(key) === owner));
        const next = divide(keys, members, released);
        for (const [key, owner] of released) expect(next.get(key)).toBe(owner);
      }),
    );
  });
});
