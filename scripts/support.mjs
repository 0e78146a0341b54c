/** What the scripts here share: where things are, running commands, failing with a message. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';

export const root = resolve(import.meta.dirname, '..');
export const bin = join(root, 'node_modules', '.bin');
export const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
export const say = (text) => process.stdout.write(`${text}\n`);

/** What is wrong, or what a command said. */
export class Failed extends Error {}

export function ensure(condition, message) {
  if (!condition) throw new Failed(message);
}

/** Runs a command; what it said is shown only when it fails. */
export function run(cwd, command, ...args) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Failed(`${command} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
  }
}

/** Does the work; what `Failed` says is the message of exit code 1. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

/** A folder that is gone when the process ends, however it ends. */
export function temporaryFolder(name) {
  const folder = mkdtempSync(join(tmpdir(), `tidemark-${name}-`));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  return folder;
}

/** Every package that is published: its folder's name, its path, its manifest. */
export function publicPackages() {
  return readdirSync(join(root, 'packages'))
    .map((folder) => ({ folder, dir: join(root, 'packages', folder) }))
    .map((one) => ({ ...one, manifest: json(join(one.dir, 'package.json')) }))
    .filter(({ manifest }) => !manifest.private);
}

/** The exact version that this repository tests with, of something that the packages leave to their users. */
export function testedVersion(name) {
  const version = json(join(root, 'package.json')).devDependencies[name];
  ensure(version, `${name} isn't among the repository's devDependencies`);
  return version;
}

/** What every `npm install` of a check is told: no scripts, no questions, the cache first. */
export const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
