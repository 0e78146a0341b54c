import { type Lease } from '../src';
import { LeaseWatch } from '../src/lease-watch';

const lease = (counter: number, owner: string | undefined = 'x'): Lease => ({ key: 'k', owner, counter });
const at = (asked: number, answered = asked) => ({ asked, answered });

it('a lease expires once it has stood still for long enough, as seen here', () => {
  const watch = new LeaseWatch();
  expect(watch.expired([lease(1)], at(1_000_000), 10)).toEqual(new Set());
  expect(watch.expired([lease(1)], at(1_000_009), 10)).toEqual(new Set());
  expect(watch.expired([lease(1)], at(1_000_010), 10)).toEqual(new Set(['k']));
  expect(watch.expired([lease(1)], at(1_000_011), 10)).toEqual(new Set(['k']));
});

it('a renewal, another owner and a lease that was away each begin anew', () => {
  const watch = new LeaseWatch();
  watch.expired([lease(1)], at(0), 10);
  expect(watch.expired([lease(2)], at(10), 10)).toEqual(new Set());
  expect(watch.expired([lease(2, 'y')], at(20), 10)).toEqual(new Set());
  expect(watch.expired([], at(30), 10)).toEqual(new Set());
  expect(watch.expired([lease(2, 'y')], at(31), 10)).toEqual(new Set());
  expect(watch.expired([lease(2, 'y')], at(41), 10)).toEqual(new Set(['k']));
});

it('a slow answer of the store shortens nothing: it counts from the first answer to the last question', () => {
  const watch = new LeaseWatch();
  watch.expired([lease(1)], at(0, 100), 10);
  expect(watch.expired([lease(1)], at(105, 200), 10)).toEqual(new Set());
  expect(watch.expired([lease(1)], at(110, 300), 10)).toEqual(new Set(['k']));
});
