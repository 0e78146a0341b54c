/**
 * A small wrong change of real code. `name` begins with the invariant that it breaks (`I4-latest`), or says where it is.
 *
 * @typedef {object} Mutant
 * @property {string} name
 * @property {string} what The behaviour that is wrong, in one sentence.
 * @property {readonly Change[]} changes
 * @property {Readonly<Record<string, readonly string[]>>} caughtBy Test file → titles of tests in it. Each must fail.
 */

/**
 * @typedef {object} Change
 * @property {string} file From the root of the repository.
 * @property {string} before Occurs exactly once in the file.
 * @property {string} after
 */

/**
 * One change of one file of `packages`.
 *
 * @param {string} file `core/src/session.ts`
 * @param {string} before
 * @param {string} after
 * @returns {Change}
 */
export const change = (file, before, after) => ({ file: `packages/${file}`, before, after });
