/**
 * The full counts, for a night: `npm run proof [-- --only chaos,soak] [-- --list]`. Suite by suite, each in a process of its own; one
 * that has passed isn't run again for the same commit, so a run that was broken off goes on where it was. Results go to docs/proof;
 * the whole output and the state to `.proof`, which git ignores. See docs/proof/README.md.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { recorded } from './proof-record.mjs';
import { commandOf, suites } from './proof-suites.mjs';

/** npm starts scripts in the repository's root. */
const root = process.cwd();
const say = (text) => process.stdout.write(`${text}\n`);

class UsageError extends Error {}

function chosen(args) {
  const { values } = parseArgs({ args, options: { only: { type: 'string' }, list: { type: 'boolean' } } });
  const names = values.only?.split(',') ?? suites.map(({ name }) => name);
  const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0)
    throw new UsageError(`--only takes ${suites.map(({ name }) => name).join(',')}; not ${unknown}`);
  return { list: values.list === true, wanted: suites.filter(({ name }) => names.includes(name)) };
}

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trimEnd();

/** A result is of a commit: nothing else may have changed but earlier results. */
function commitOfClean() {
  const dirty = git('status', '--porcelain', '--', '.', ':!docs/proof');
  if (dirty !== '') throw new UsageError(`a proof is of a commit; commit these first:\n${dirty}`);
  return git('rev-parse', '--short=12', 'HEAD');
}

/** Which suites have passed for this commit. */
class Passed {
  constructor(commit) {
    this.folder = join(root, '.proof', commit);
    this.file = join(this.folder, 'passed.json');
    this.names = new Set(existsSync(this.file) ? JSON.parse(readFileSync(this.file, 'utf8')) : []);
  }

  add(name) {
    this.names.add(name);
    writeFileSync(this.file, JSON.stringify([...this.names]));
  }
}

/** Runs it; its output goes to the log, and here. Answers with its exit code and what it said last. */
async function run({ script, args, tail }, log) {
  const child = spawn('npm', ['run', '--silent', script, '--', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = () => void child.kill('SIGTERM');
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, end);
  let said = '';
  child.stdout.on('data', (bytes) => (said = (said + bytes).slice(-20_000)));
  const file = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) {
    stream.pipe(file, { end: false });
    stream.pipe(process.stdout, { end: false });
  }
  const code = await new Promise((resolve) => {
    child.once('close', (exit, signal) => resolve(exit ?? signal));
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, end);
  await new Promise((resolve) => file.end(resolve));
  return { code, lines: said.trimEnd().split('\n').slice(-tail) };
}

function record({ name, page: at = name }, result) {
  const file = join(root, 'docs', 'proof', `${at}.md`);
  const page = existsSync(file) ? readFileSync(file, 'utf8') : `# ${at}\n`;
  writeFileSync(file, recorded(page, result, at === name ? undefined : name));
}

/** Answers with the exit code. */
async function prove(wanted) {
  const commit = commitOfClean();
  const passed = new Passed(commit);
  mkdirSync(passed.folder, { recursive: true });
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const outcome = { failed: [], absent: [] };
  for (const suite of wanted) {
    const command = commandOf(suite);
    if (scripts[suite.script] === undefined) {
      outcome.absent.push(suite.name);
      continue;
    }
    if (passed.names.has(suite.name)) {
      say(`${suite.name}: has passed for ${commit} already`);
      continue;
    }
    say(`${suite.name}: ${command} (about ${suite.takes})`);
    const began = performance.now();
    const { code, lines } = await run(suite, join(passed.folder, `${suite.name}.log`));
    record(suite, { commit, command, minutes: (performance.now() - began) / 60_000, lines });
    if (code === 0) passed.add(suite.name);
    else outcome.failed.push(suite.name);
    say(`${suite.name}: ${code === 0 ? 'passed' : `FAILED (${code})`}`);
    if (code === 'SIGINT' || code === 'SIGTERM') break;
  }
  for (const name of outcome.absent) say(`NOT RUN: ${name}: package.json has no script of that name`);
  if (outcome.failed.length > 0) say(`FAILED: ${outcome.failed.join(', ')}; the output is in ${passed.folder}`);
  // at a desk the rest is worth having; where nobody reads along, what is left out is a failure
  return outcome.failed.length > 0 || (outcome.absent.length > 0 && process.env.CI === 'true') ? 1 : 0;
}

try {
  const { list, wanted } = chosen(process.argv.slice(2));
  if (list) for (const suite of wanted) say(`${suite.name.padEnd(12)}${suite.takes.padEnd(12)}${commandOf(suite)}`);
  else process.exitCode = await prove(wanted);
} catch (error) {
  const usage = error instanceof UsageError || error.code?.startsWith?.('ERR_PARSE_ARGS');
  process.stderr.write(`${usage ? error.message : error.stack}\n`);
  process.exitCode = 2;
}
