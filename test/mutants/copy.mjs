import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

const besides = [
  'jest.config.js',
  'package.json',
  'docs/spec/handoff.md',
  'test/setup-contract.ts',
  'test/setup-e2e.ts',
];

/** A temporary copy of the packages and what their tests need, without what is installed or built. It runs on the sources. */
export function copyOfPackages() {
  const copy = mkdtempSync(join(tmpdir(), 'tidemark-mutant-'));
  const isSource = (/** @type {string} */ path) => !/(^|\/)(node_modules|dist)(\/|$)/.test(relative(root, path));
  for (const path of ['packages', ...besides])
    cpSync(join(root, path), join(copy, path), { recursive: true, filter: isSource });
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
