import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mutants } from './mutants.mjs';

/** The names of all mutants. */
export const mutantNames = () => mutants.map(({ name }) => name);

/** Throws for a name that no mutant has. @param {string} name */
export function mutantNamed(name) {
  const mutant = mutants.find((one) => one.name === name);
  if (mutant === undefined) throw new Error(`there is no mutant ${name}; there are ${mutantNames().join(', ')}`);
  return mutant;
}

/**
 * Makes the mutant's changes in this copy of the repository, and answers with a function that takes them back. Throws if the code
 * has changed so that a change has no place any more, or more than one.
 *
 * @param {string} name
 * @param {string} copy
 * @returns {() => void}
 */
export function applyMutant(name, copy) {
  /** @type {Map<string, string>} */
  const original = new Map();
  /** @type {Map<string, string>} */
  const changed = new Map();
  for (const { file, before, after } of mutantNamed(name).changes) {
    const text = changed.get(file) ?? readFileSync(join(copy, file), 'utf8');
    const found = text.split(before).length - 1;
    if (found !== 1)
      throw new Error(
        `mutant ${name}: its place occurs ${found} times in ${file}, not once; mend the mutant:\n${before}`,
      );
    if (!original.has(file)) original.set(file, text);
    changed.set(
      file,
      text.replace(before, () => after),
    );
  }
  for (const [file, text] of changed) writeFileSync(join(copy, file), text);
  return () => {
    for (const [file, text] of original) writeFileSync(join(copy, file), text);
  };
}
