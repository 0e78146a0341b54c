import { missingTests, namedTests, read } from './named-tests';

/** docs/spec/failures.md has all fifty-eight, and each names tests that exist, or the adapter that will. */
const page = 'docs/spec/failures.md';
const rows = [...read(page).matchAll(/^\| (\d+) +\| .* \| (.*?) *\|$/gm)];

it('has a row for each of the 58', () => {
  expect(rows.map(([, number]) => Number(number))).toEqual(Array.from({ length: 58 }, (_, i) => i + 1));
});

it('names tests that exist', () => {
  expect(missingTests(namedTests(page))).toEqual([]);
  expect(namedTests(page).length).toBeGreaterThan(80);
});

it('leaves no row without a test but those of a broker', () => {
  const others = rows.filter(([, , cell = '']) => !/^\S+: "/.test(cell));
  for (const [, , cell] of others) expect(cell).toMatch(/^(adapter: \w+|not covered, because .+)$/);
});
