import { execFile } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { root } from './copy.mjs';

const run = promisify(execFile);
const jest = join(root, 'node_modules/jest/bin/jest.js');

/** All of them together, in milliseconds. */
const timeout = 300_000;

/**
 * What became of the tests with these titles, in this copy. A title without a test is neither passed nor failed.
 *
 * @param {string} copy
 * @param {Readonly<Record<string, readonly string[] | undefined>>} wanted Test file → titles; `undefined`: all of the file's.
 */
export async function runTests(copy, wanted) {
  const titles = Object.values(wanted).every((some) => some !== undefined)
    ? ['-t', Object.values(wanted).flat().map(escaped).join('|')]
    : [];
  const args = [
    ...[jest, '--rootDir', copy, '--selectProjects', 'unit', 'contract', '--maxWorkers=2', '--watchman=false'],
    ...['--json', '--forceExit', ...titles],
    ...['--testPathPatterns', ...Object.keys(wanted).map(escaped)],
  ];
  const { stdout, stderr, killed } = await run(process.execPath, args, {
    cwd: copy,
    maxBuffer: 2 ** 26,
    timeout,
  }).catch((error) => error);
  if (killed === true) throw new Error(`the tests hang: ${Object.keys(wanted).join(', ')}`);
  if (stdout === '') throw new Error(stderr);
  const files = JSON.parse(stdout).testResults;
  const broken = files.find(({ assertionResults }) => assertionResults.length === 0);
  if (broken !== undefined) throw new Error(`${broken.name} doesn't run: ${broken.message}`);
  const results = files.flatMap(({ assertionResults }) => assertionResults);
  const having = (/** @type {string} */ wantedStatus) => [
    ...new Set(results.filter(({ status }) => status === wantedStatus).map(({ title }) => title)),
  ];
  return { failed: having('failed'), passed: having('passed') };
}

const escaped = (/** @type {string} */ text) => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
