import { missingTests, namedTests, read } from './named-tests';

/** Every test that docs/spec/bad-input.md names is there, and every case of the end-to-end tests is in the table. */
const endToEnd = ['bad-snapshot', 'bad-feed'].map((name) => ({ name, source: read(`test/e2e/${name}.test.ts`) }));

const named = namedTests('docs/spec/bad-input.md');
const fileOf = (file: string) =>
  endToEnd.some(({ name }) => name === file) ? `test/e2e/${file}.test.ts` : `packages/${file}`;

it('names tests that exist', () => {
  expect(missingTests(named, fileOf)).toEqual([]);
  expect(named.length).toBeGreaterThan(100);
});

it.each(endToEnd)('names every case of $name', ({ name, source }) => {
  const cases = [...source.matchAll(/^ *\[\s*(?:'([^'\n]+)'|"([^"\n]+)"),/gm)].map(([, one, other]) => one ?? other);
  const known = named.flatMap(({ file, test }) => (file === name ? [test] : []));
  expect(cases.length).toBeGreaterThan(30);
  expect(cases.filter((one) => !known.includes(one ?? ''))).toEqual([]);
});
