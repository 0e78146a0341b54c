import { type Operation, operations } from '../src/media-operations';
import { seededRandom } from '../src/random';

const first = (n: number, size: number, seed: number): Operation[] => {
  const all = operations(size, seededRandom(seed));
  return Array.from({ length: n }, () => all.next().value);
};

it('creates what is to be changed, and changes or cancels only what is there', () => {
  const alive = new Set<string>();
  const back = new Set<string>();
  const cancelled = new Set<string>();
  const done = first(20_000, 50, 1);
  const wrong: Operation[] = [];
  for (const operation of done) {
    const { id, method } = operation;
    if (alive.has(id) !== (method !== 'POST')) wrong.push(operation);
    if (method === 'POST') {
      alive.add(id);
      if (cancelled.has(id)) back.add(id);
    }
    if (method === 'DELETE') {
      alive.delete(id);
      cancelled.add(id);
    }
  }
  expect(wrong).toEqual([]);
  expect(done.slice(0, 50).every(({ method }) => method === 'POST')).toBe(true);
  expect([alive.size, cancelled.size, back.size].every((n) => n > 10)).toBe(true);
});

it('is the same for the same seed', () => {
  expect(first(500, 20, 5)).toEqual(first(500, 20, 5));
  expect(first(500, 20, 5)).not.toEqual(first(500, 20, 6));
});

it('goes on when everything was cancelled', () => {
  expect(first(2_000, 1, 2).length).toBe(2_000);
});
