import * as fc from 'fast-check';
import { planOf } from '../src/plan';
import { seededRandom } from '../src/random';

const runs = fc.record({
  total: fc.integer({ min: 1, max: 50_000 }),
  held: fc.double({ min: 0, max: 0.9, noNaN: true }),
  kills: fc.integer({ min: 0, max: 40 }),
  seed: fc.nat(),
});

it('kills as often as it is told, in order, and leaves something to be written while the follower is dead', () => {
  fc.assert(
    fc.property(runs, ({ total, held, kills, seed }) => {
      const initial = Math.floor(total * held);
      const plan = planOf(total, initial, kills, seededRandom(seed));
      const inStream = plan.crashes.filter(({ kind }) => kind === 'crash').length;
      expect(inStream + Number(plan.killInFirstSnapshot) + Number(plan.killInSecondSnapshot)).toBe(kills);
      const outages = plan.crashes.filter(({ kind }) => kind === 'outage');
      expect(outages).toHaveLength(1);
      expect(outages[0]!.at).toBeLessThan(total);
      expect(outages[0]!.through).toBeGreaterThan(outages[0]!.at);
      let before = plan.bootstrapThrough;
      expect(before).toBeGreaterThanOrEqual(initial);
      for (const { at, through, backThrough } of plan.crashes) {
        expect(at).toBeGreaterThanOrEqual(before);
        expect(through).toBeGreaterThanOrEqual(at);
        expect(through).toBeLessThanOrEqual(total);
        before = backThrough;
      }
    }),
  );
});

it('what is written before the outage leaves something for it', () => {
  fc.assert(
    fc.property(runs, ({ total, held, kills, seed }) => {
      const { crashes } = planOf(total, Math.floor(total * held), kills, seededRandom(seed));
      const outage = crashes.findIndex(({ kind }) => kind === 'outage');
      for (const { through } of crashes.slice(0, outage)) expect(through).toBeLessThan(total);
    }),
  );
});

it('is the same for the same seed', () => {
  const plan = (seed: number) => planOf(20_000, 2_000, 5, seededRandom(seed));
  expect(plan(3)).toEqual(plan(3));
  expect(plan(3)).not.toEqual(plan(4));
});
