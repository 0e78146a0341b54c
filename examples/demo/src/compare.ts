import { type Oracle } from './world';

/** Rows by key, each as one line of JSON with its properties in order. */
export type Lines = ReadonlyMap<string, string>;

/** Throws {@link TypeError} for a row without its key, or two rows with one. */
export function linesOf(rows: Iterable<object>, key: string): Lines {
  const lines = new Map<string, string>();
  for (const row of rows) {
    const id = (row as Readonly<Record<string, unknown>>)[key];
    if (typeof id !== 'string' || lines.has(id)) throw new TypeError(`a row without its ${key}, or a second one`);
    lines.set(id, JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))));
  }
  return lines;
}

/** What the replica has otherwise than it should, a line each. */
export function differences(expected: Lines, replica: Lines): string[] {
  const found: string[] = [];
  for (const [key, line] of expected) {
    const there = replica.get(key);
    if (there === undefined) found.push(`missing in the replica: ${line}`);
    else if (there !== line) found.push(`expected ${line}\n   found ${there}`);
  }
  for (const [key, line] of replica) if (!expected.has(key)) found.push(`only in the replica: ${line}`);
  return found;
}

/** The same against an oracle, which knows some of each row. */
export async function oracleDifferences(oracle: Oracle, rows: Iterable<object>, key: string): Promise<string[]> {
  const contents = new Map<string, string>();
  for (const row of rows) contents.set(String((row as Readonly<Record<string, unknown>>)[key]), oracle.content(row));
  const show = (lines: ReadonlyMap<string, string>): Lines =>
    new Map([...lines].map(([id, content]) => [id, `${id}: ${content}`]));
  return differences(show(await oracle.expected()), show(contents)).map((line) => `by ${oracle.name}, ${line}`);
}

/** Sorted NDJSON. */
export const ndjson = (lines: Lines): string =>
  [...lines.values()]
    .sort()
    .map((line) => `${line}\n`)
    .join('');
