import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** docs/guides/first-pipeline.md, done as it says: its files, its commands, and what it says that is then to be seen. */
const root = join(__dirname, '../..');
const folder = join(root, 'test/docs/dist/first-pipeline'); // ignored by git; below the packages, where Node finds them
const guide = readFileSync(join(root, 'docs/guides/first-pipeline.md'), 'utf8');

const blocks = (language: string): readonly string[] =>
  [...guide.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, code = '']) => code);

/** What is typed at A, section by section: method, path, body. */
const typed = blocks('sh')
  .map((commands) => [...commands.matchAll(/^curl -X (\S+) http:\/\/127\.0\.0\.1:8080(\S+)(?: -d (\S+))?/gm)])
  .filter((lines) => lines.length > 0)
  .map((lines) => lines.map(([, method = '', path = '', body]) => ({ method, path, body })));

const running: Service[] = [];

class Service {
  output = '';
  private readonly child: ChildProcess;

  constructor(file: string, env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, [join('dist', file)], { cwd: folder, env: { ...process.env, ...env } });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (text: Buffer) => (this.output += text.toString()));
    running.push(this);
  }

  async end(signal: 'SIGKILL' | 'SIGINT'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }
}

/** Awaits that `seen` answers with this text; when the time is over, the difference is the failure. */
async function shows(seen: () => string | Promise<string>, wanted: string | undefined): Promise<void> {
  const end = Date.now() + 60_000;
  while ((await seen()) !== wanted && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await seen()).toBe(wanted);
}

const look = async (): Promise<string> =>
  (await promisify(execFile)(process.execPath, [join('dist', 'look.js')], { cwd: folder })).stdout;

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'tsconfig.json'), blocks('json')[0] ?? '');
  for (const code of blocks('ts')) writeFileSync(join(folder, /^\/\/ (\S+\.ts)$/m.exec(code)?.[1] ?? 'nameless'), code);
  await promisify(execFile)(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);
});

afterAll(async () => {
  for (const service of running) await service.end('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

it('the first pipeline does what its guide says', async () => {
  const [snapshot, updates, table, missed, tableAfter] = blocks('text');
  const [atFirst = [], whileRunning = [], whileDead = []] = typed;
  expect([atFirst, whileRunning, whileDead].map((lines) => lines.length)).toEqual([2, 3, 2]);

  const a = new Service('a.js', { PORT: '0' });
  const port = () => /port: (\d+)/.exec(a.output)?.[1];
  await shows(() => String(port() !== undefined), 'true');
  const url = `http://127.0.0.1:${port()}`;
  const type = async (lines: (typeof typed)[number]): Promise<void> => {
    for (const { method, path, body } of lines) {
      const { status } = await fetch(url + path, { method, body: body ?? null });
      expect(status).toBe(204);
    }
  };

  await type(atFirst);
  const b = new Service('b.js', { A_URL: url });
  await shows(() => b.output, snapshot);
  await type(whileRunning);
  await shows(() => b.output, `${snapshot}${updates}`);
  await shows(look, table);

  await b.end('SIGKILL');
  await type(whileDead);
  const again = new Service('b.js', { A_URL: url });
  await shows(() => again.output, missed);
  await shows(look, tableAfter);

  expect(await again.end('SIGINT')).toBe(0);
});
