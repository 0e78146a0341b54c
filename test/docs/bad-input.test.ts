import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every test that docs/spec/bad-input.md names is there, and every case of the end-to-end tests is in the table. */
const root = join(__dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const endToEnd = ['bad-snapshot', 'bad-feed'].map((name) => ({ name, source: read(`test/e2e/${name}.test.ts`) }));

/** `file: "name", "name"; file: "name"` of each table's last column. Backticks are for Markdown only. */
const named = [
  ...read('docs/spec/bad-input.md')
    .replaceAll('`', '')
    .matchAll(/^\| .* \| (\S+: ".*) \|$/gm),
].flatMap(([, cell = '']) =>
  cell
    .trim()
    .split(/; (?=\S+: ")/)
    .flatMap((part) => {
      const [, file = '', names = ''] = /^(\S+): (.*)$/.exec(part) ?? [];
      return [...names.matchAll(/"((?:[^"]|"(?!, "|$))+)"/g)].map(([, test = '']) => ({ file, test }));
    }),
);

/** As a literal of the source: in single quotes, or in double ones where it holds a single one. */
const literal = (text: string) => (text.includes("'") ? `"${text}"` : `'${text}'`);

it('names tests that exist', () => {
  const sources = new Map(endToEnd.map(({ name, source }) => [name, source]));
  const missing = named.filter(({ file, test }) => {
    const source = sources.get(file) ?? read(`packages/${file}`);
    sources.set(file, source);
    return !source.includes(literal(test));
  });
  expect(missing).toEqual([]);
  expect(named.length).toBeGreaterThan(100);
});

it.each(endToEnd)('names every case of $name', ({ name, source }) => {
  const cases = [...source.matchAll(/^ *\[\s*(?:'([^'\n]+)'|"([^"\n]+)"),/gm)].map(([, one, other]) => one ?? other);
  const known = named.flatMap(({ file, test }) => (file === name ? [test] : []));
  expect(cases.length).toBeGreaterThan(30);
  expect(cases.filter((one) => !known.includes(one ?? ''))).toEqual([]);
});
