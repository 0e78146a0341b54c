import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, ProcessFault } from '../src/child';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'tidemark-child-'))));
afterEach(() => rmSync(dir, { recursive: true }));

interface Said {
  readonly says: string;
}

function start(code: string): Child<Said> {
  const file = join(dir, 'child.js');
  writeFileSync(file, code);
  return new Child<Said>('the child', file, { greeting: 'hello' }, () => undefined);
}

const find = (what: string) => (said: readonly Said[]) => said.find(({ says }) => says === what);

it('gives its options, hears what it says, and stops it cleanly', async () => {
  const child = start(`
    process.send({ says: JSON.parse(process.argv[2]).greeting });
    process.on('message', ({ order }) => order === 'stop' && process.disconnect());`);
  await expect(child.until('a greeting', find('hello'))).resolves.toEqual({ says: 'hello' });
  await child.stop();
});

it('tells when it has ended instead of saying what was waited for', async () => {
  const child = start('process.exit(3)');
  await expect(child.until('a greeting', find('hello'))).rejects.toThrow(ProcessFault);
  await expect(child.until('a greeting', find('hello'))).rejects.toThrow('exit code 3');
  await expect(child.stop()).rejects.toThrow('should have stopped cleanly: exit code 3');
});

it('tells what it failed with', async () => {
  const child = start(`process.send({ says: 'failed', error: 'no disk' }); process.on('message', () => undefined);`);
  await expect(child.until('a greeting', find('hello'))).rejects.toThrow('no disk');
  await child.kill();
});

it('kills it', async () => {
  const child = start(`process.send({ says: 'hello' }); process.on('message', () => undefined);`);
  await child.until('a greeting', find('hello'));
  await child.kill();
  await expect(child.until('more', find('more'))).rejects.toThrow('SIGKILL');
});
