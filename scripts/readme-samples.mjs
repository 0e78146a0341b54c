/** What a README tells its reader to do: the line that installs, and the samples that say what they print. */
import { Failed } from './support.mjs';

/** The first `npm install …`, without the command and its options: what is to be installed. */
export function toInstall(readme, file) {
  const line = /^npm install (.*)$/m.exec(readme)?.[1];
  if (line === undefined) throw new Failed(`${file} doesn't say how to install it`);
  return line.split(' ').filter((word) => !word.startsWith('-'));
}

/** Every `ts` block that a `text` block follows (with at most a line between): the code, and what it has to print. */
export function samplesOf(readme, file) {
  const found = [
    ...readme.matchAll(/^```ts\n((?:(?!```).*\n)*)```\n+(?:[^`\n].*\n+)?```text\n((?:(?!```).*\n)*)```$/gm),
  ];
  if (found.length === 0) throw new Failed(`${file} has no sample that says what it prints`);
  return found.map(([, code, prints]) => ({ code, prints }));
}

/** Is this what was to be printed? A line `…` stands for any lines. */
export function printed(output, prints) {
  const escaped = prints
    .trimEnd()
    .split('\n')
    .map((line) => line.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = escaped.map((line) => (line.trim() === '…' ? '(?:.*\n)*?' : `${line}\n`)).join('');
  return new RegExp(`^${pattern}$`).test(`${output.trimEnd()}\n`);
}
