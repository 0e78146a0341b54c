import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

const besides = ['jest.config.js', 'package.json', 'docs/spec/handoff.md', 'test/brokers'];

/**
 * A temporary copy of the packages and what their tests need, without what is installed or built. It runs on the sources. A test
 * has failed after `testTimeoutMs`, if that is given, or else after as long as the project's setup says. `also` is copied, too.
 *
 * @param {{ testTimeoutMs?: number, also?: readonly string[] }} [options]
 */
export function copyOfPackages({ testTimeoutMs, also = [] } = {}) {
  const copy = mkdtempSync(join(tmpdir(), 'tidemark-mutant-'));
  const isSource = (/** @type {string} */ path) => !/(^|\/)(node_modules|dist)(\/|$)/.test(relative(root, path));
  const setups = readdirSync(join(root, 'test')).filter((name) => name.startsWith('setup-'));
  for (const path of ['packages', ...besides, ...also, ...setups.map((name) => `test/${name}`)])
    cpSync(join(root, path), join(copy, path), { recursive: true, filter: isSource });
  if (testTimeoutMs !== undefined)
    for (const name of setups) writeFileSync(join(copy, 'test', name), `jest.setTimeout(${testTimeoutMs});\n`);
  for (const folder of ['.', ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)]) {
    const installed = join(root, folder, 'node_modules');
    if (existsSync(installed)) symlinkSync(installed, join(copy, folder, 'node_modules'));
  }
  return copy;
}

/** @param {string} copy */
export const removeCopy = (copy) => {
  rmSync(copy, { recursive: true, force: true });
};
