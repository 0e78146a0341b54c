import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

interface Peak {
  readonly name: string;
  readonly unit: string;
  readonly tidemark: number;
}

it('I9: 100,000 rows or records pass through a heap of 64 MiB, and never take more than 256', async () => {
  const args = [join(__dirname, '../bench/main.mjs'), 'memory', '--json', '--scale', '0.1'];
  const { stdout } = await promisify(execFile)(process.execPath, args); // it rejects unless all of them have arrived
  const { results } = JSON.parse(stdout) as { readonly results: readonly Peak[] };
  expect(results.map(({ name }) => name)).toEqual([
    '100000 rows of a snapshot over HTTP into a SQLite table',
    '100000 records of a backlog over HTTP into a slow consumer',
  ]);
  for (const { unit, tidemark } of results) {
    expect(unit).toBe('MiB');
    expect(tidemark).toBeLessThan(256);
  }
});
