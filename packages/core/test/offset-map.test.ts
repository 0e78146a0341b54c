import fc from 'fast-check';
import {
  beginning,
  compareOffsets,
  decimal,
  InvalidConfiguration,
  type Mark,
  OffsetMap,
  offsetMapEq,
  offsetMapJoin,
  offsetMapLattice,
} from '../src';
import { entry, name, offsetMap } from './support/arbitraries';

/** Marks and all: what `compare` leaves out shows here. */
const shown = (map: OffsetMap) =>
  [...map]
    .map(({ topic, partition, through, witness }) => JSON.stringify([topic, partition, through, witness ?? null]))
    .sort();

/** The same marks; a mark at the beginning says no more than none. */
const same = (a: OffsetMap, b: OffsetMap) => expect(shown(a)).toEqual(shown(b));

describe('the lattice', () => {
  it.each(['join', 'meet'] as const)('%s is associative, commutative and idempotent', (op) => {
    fc.assert(
      fc.property(offsetMap, offsetMap, offsetMap, (a, b, c) => {
        same(a[op](b)[op](c), a[op](b[op](c)));
        same(a[op](b), b[op](a));
        same(a[op](a), a);
      }),
    );
  });

  it('absorbs and distributes', () => {
    fc.assert(
      fc.property(offsetMap, offsetMap, offsetMap, (a, b, c) => {
        same(a.join(a.meet(b)), a);
        same(a.meet(a.join(b)), a);
        same(a.meet(b.join(c)), a.meet(b).join(a.meet(c)));
      }),
    );
  });

  it('covers exactly what joining adds nothing to, and what meeting leaves whole', () => {
    fc.assert(
      fc.property(offsetMap, offsetMap, (a, b) => {
        expect(a.covers(b)).toBe(a.join(b).compare(a) === 'equal');
        expect(a.covers(b)).toBe(a.meet(b).compare(b) === 'equal');
      }),
    );
  });

  it('has the least upper and the greatest lower bound', () => {
    fc.assert(
      fc.property(offsetMap, offsetMap, offsetMap, (a, b, c) => {
        expect(a.join(b).covers(a) && a.join(b).covers(b)).toBe(true);
        expect(a.covers(a.meet(b)) && b.covers(a.meet(b))).toBe(true);
        if (c.covers(a) && c.covers(b)) expect(c.covers(a.join(b))).toBe(true);
        if (a.covers(c) && b.covers(c)) expect(a.meet(b).covers(c)).toBe(true);
      }),
    );
  });

  it('is monotone', () => {
    fc.assert(
      fc.property(offsetMap, offsetMap, offsetMap, (a, b, c) => {
        expect(a.join(b).join(c).covers(a.join(c))).toBe(true);
        expect(a.join(b).meet(c).covers(a.meet(c))).toBe(true);
      }),
    );
  });

  it('takes the later mark of each partition, with its witness', () => {
    fc.assert(
      fc.property(offsetMap, offsetMap, (a, b) => {
        for (const at of a.join(b)) {
          const [mine, theirs] = [a.get(at), b.get(at)].map((mark) => mark?.through ?? beginning);
          expect([mine, theirs]).toContain(at.through);
          expect(compareOffsets('decimal', at.through, mine!)).toBeGreaterThanOrEqual(0);
          expect(compareOffsets('decimal', at.through, theirs!)).toBeGreaterThanOrEqual(0);
          expect([a.get(at), b.get(at)].filter(Boolean).map(evidence)).toContain(evidence(at));
        }
      }),
    );
  });
});

const evidence = (mark: Mark | undefined) => `${mark?.through ?? ''} ${mark?.witness ?? ''}`;

describe('compare', () => {
  const opposite = { before: 'after', after: 'before', equal: 'equal', concurrent: 'concurrent' } as const;

  it('is antisymmetric and agrees with covers', () => {
    fc.assert(
      fc.property(offsetMap, offsetMap, (a, b) => {
        expect(b.compare(a)).toBe(opposite[a.compare(b)]);
        expect(a.covers(b)).toBe(['after', 'equal'].includes(a.compare(b)));
      }),
    );
  });

  it('is transitive', () => {
    fc.assert(
      fc.property(offsetMap, offsetMap, offsetMap, (a, b, c) => {
        if (a.covers(b) && b.covers(c)) expect(a.covers(c)).toBe(true);
      }),
    );
  });

  it('I4: a partition that is missing is at its beginning', () => {
    fc.assert(
      fc.property(offsetMap, fc.constantFrom('x', 'y'), (map, topic) => {
        const at = { topic, partition: '0' };
        expect(map.through(at)).toBe(beginning);
        expect(map.with(at, { through: beginning }).compare(map)).toBe('equal');
        expect(map.with(at, { through: decimal(0) }).compare(map)).toBe('after');
      }),
    );
  });

  it('tells what is concurrent', () => {
    const at = (a: number, b: number) =>
      OffsetMap.from('decimal', [
        { topic: 't', partition: '0', through: decimal(a) },
        { topic: 't', partition: '1', through: decimal(b) },
      ]);
    expect(at(1, 2).compare(at(2, 1))).toBe('concurrent');
    expect(at(1, 2).compare(at(2, 2))).toBe('before');
    expect(at(9, 9).compare(at(10, 9))).toBe('before');
  });

  it('refuses maps of different orders', () => {
    const [a, b] = [OffsetMap.empty('decimal'), OffsetMap.empty('lexical')];
    for (const work of [() => a.covers(b), () => a.join(b), () => a.meet(b), () => a.compare(b)])
      expect(work).toThrow(InvalidConfiguration);
  });
});

describe('a map', () => {
  it('never changes', () => {
    fc.assert(
      fc.property(offsetMap, entry, (map, added) => {
        const was = shown(map);
        map.with(added, added);
        map.without([added]);
        map.join(OffsetMap.from('decimal', [added]));
        expect(shown(map)).toEqual(was);
      }),
    );
  });

  it('keeps partitions of any names apart', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, name), { selector: (pair) => JSON.stringify(pair) }), (pairs) => {
        const map = OffsetMap.from(
          'decimal',
          pairs.map(([topic, partition], i) => ({ topic, partition, through: decimal(i) })),
        );
        expect(map.size).toBe(pairs.length);
        for (const [i, [topic, partition]] of pairs.entries())
          expect(map.through({ topic, partition })).toBe(String(i));
      }),
    );
  });

  it('sets, leaves out and filters', () => {
    fc.assert(
      fc.property(offsetMap, entry, (map, added) => {
        expect(map.with(added, added).get(added)?.through).toBe(added.through);
        expect(map.with(added, added).without([added]).has(added)).toBe(false);
        same(
          map.filter(({ topic }) => topic === 'a'),
          map.without([...map].filter(({ topic }) => topic !== 'a')),
        );
      }),
    );
  });
});

describe('the fp-ts instances', () => {
  it('agree with the methods', () => {
    const { concat, empty } = offsetMapJoin('decimal');
    fc.assert(
      fc.property(offsetMap, offsetMap, (a, b) => {
        same(offsetMapLattice.join(a, b), a.join(b));
        same(offsetMapLattice.meet(a, b), a.meet(b));
        same(concat(a, b), a.join(b));
        same(concat(empty, a), a);
        same(concat(a, empty), a);
        expect(offsetMapEq.equals(a, b)).toBe(a.compare(b) === 'equal');
      }),
    );
  });
});
