import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A repository whose suites write down that they ran. */
let root: string;
const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: root, stdio: 'pipe' });
const commit = () => {
  git('add', '-A');
  git('-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '-qm', 'c');
};
const proof = (args: readonly string[], env: Readonly<Record<string, string>> = { CI: '' }) =>
  promisify(execFile)(process.execPath, [join(__dirname, '../../scripts/proof.mjs'), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
  });
const page = (name: string) => readFileSync(join(root, 'docs/proof', `${name}.md`), 'utf8');
const ran = () => readFileSync(join(root, '.proof/ran'), 'utf8').trim().split('\n');

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-proof-'));
  mkdirSync(join(root, 'docs/proof'), { recursive: true });
  mkdirSync(join(root, '.proof'));
  writeFileSync(join(root, 'docs/proof/chaos.md'), '# Chaos\n\nWhat it shows.\n');
  writeFileSync(join(root, '.gitignore'), '.proof/\n');
  writeFileSync(
    join(root, 'suite.cjs'),
    `const [, , name, ...args] = process.argv;
     require('node:fs').appendFileSync('.proof/ran', name + '\\n');
     console.log(name, ...args, 'all is well');
     if (require('node:fs').existsSync('.proof/broken-' + name)) process.exit(3);`,
  );
  const scripts = { chaos: 'node suite.cjs chaos', soak: 'node suite.cjs soak' };
  writeFileSync(join(root, 'package.json'), JSON.stringify({ private: true, scripts }));
  execFileSync('git', ['init', '-q'], { cwd: root });
  commit();
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

it('runs each suite once for a commit, and goes on where it was broken off', async () => {
  writeFileSync(join(root, '.proof/broken-chaos'), '');
  const failed: unknown = await proof(['--only', 'chaos,soak']).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 1, stdout: expect.stringContaining('chaos: FAILED (3)') as string });
  expect(ran()).toEqual(['soak', 'chaos']);

  rmSync(join(root, '.proof/broken-chaos'));
  const { stdout } = await proof(['--only', 'chaos,soak']);
  expect(stdout).toMatch(/^soak: has passed for [0-9a-f]{12} already$/m);
  expect(ran()).toEqual(['soak', 'chaos', 'chaos']);

  writeFileSync(join(root, 'new'), '');
  commit();
  await proof(['--only', 'soak']);
  expect(ran()).toEqual(['soak', 'chaos', 'chaos', 'soak']);
});

it('writes the result into the page, in the place of the last one', async () => {
  await proof(['--only', 'chaos']);
  const timeless = () => page('chaos').replace(/[\d.]+ minutes/, 'some minutes');
  const first = timeless();
  expect(first).toMatch(/^# Chaos\n\nWhat it shows\.\n\n## By npm run proof\n/);
  expect(first).toContain('$ npm run chaos -- --rounds 500 --seed 1\nchaos --rounds 500 --seed 1 all is well\n');
  commit();
  await proof(['--only', 'chaos']);
  const head = execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  expect(timeless()).toBe(first.replace(/Commit `[0-9a-f]+`/, `Commit \`${head}\``));
});

it('writes the results of two suites into one page, each in its own place', async () => {
  await proof(['--only', 'chaos,chaos-kafka']);
  const [embedded, kafka] = ['--rounds 500 --seed 1', '--broker kafka --rounds 100 --seed 1'];
  const sections = (): readonly string[] => page('chaos').split('## By npm run proof').slice(1);
  const both = [
    `\n\n<!-- result of npm run proof -->`,
    `: chaos-kafka\n\n<!-- result of npm run proof: chaos-kafka -->`,
  ];
  for (let time = 0; time < 2; time++) {
    expect(sections()).toHaveLength(2);
    for (const [i, args] of [embedded, kafka].entries()) {
      expect(sections()[i]).toMatch(new RegExp(`^${both[i]}`));
      expect(sections()[i]).toContain(`$ npm run chaos -- ${args}\nchaos ${args} all is well\n`);
    }
    commit();
    await proof(['--only', 'chaos-kafka']);
  }
});

it('says loudly what is not there; where nobody reads along that is a failure', async () => {
  const { stdout } = await proof(['--only', 'soak,simulate']);
  expect(stdout).toContain('NOT RUN: simulate: package.json has no script of that name');
  await expect(proof(['--only', 'soak,simulate'], { CI: 'true' })).rejects.toMatchObject({ code: 1 });
});

it('refuses what is no commit, and what is no suite; lists them', async () => {
  writeFileSync(join(root, 'suite.cjs'), '');
  await expect(proof([])).rejects.toMatchObject({ code: 2, stdout: '' });
  await expect(proof(['--only', 'hope'])).rejects.toMatchObject({ code: 2, stdout: '' });
  const { stdout } = await proof(['--list']);
  expect(stdout).toMatch(/^chaos +\d+ minutes +npm run chaos -- --rounds 500 --seed 1$/m);
});
