import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');
export const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** A test that a page of docs names: the file, as it stands there, and a part of its source. */
export interface NamedTest {
  readonly file: string;
  readonly test: string;
}

/** `file: "name", "name"; file: "name"` of each table's last column. Backticks are for Markdown only. */
export const namedTests = (page: string): NamedTest[] =>
  [
    ...read(page)
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

/** Those of them that aren't there, as a literal of the source. */
export function missingTests(
  named: readonly NamedTest[],
  fileOf: (file: string) => string = (file) => `packages/${file}`,
): NamedTest[] {
  const sources = new Map<string, string>();
  return named.filter(({ file, test }) => {
    const source = sources.get(file) ?? read(fileOf(file));
    sources.set(file, source);
    return !source.includes(literal(test));
  });
}

/** In single quotes, or in double ones where it holds a single one. */
const literal = (text: string) => (text.includes("'") ? `"${text}"` : `'${text}'`);
