import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Every ```ts block of the READMEs and guides compiles against the sources, each one as a module of its own. */
const root = join(__dirname, '../..');
const scratch = join(root, 'test/docs/dist/blocks'); // ignored by git

const markdown = ['README.md', ...under('packages'), ...under('examples'), ...under('docs')];

function under(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !/(^|\/)(node_modules|dist|etc)\//.test(file))
    .map((file) => join(folder, file));
}

const blocks = markdown.flatMap((file) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ''], i) => ({
    name: `${file.replaceAll(/[^A-Za-z0-9]+/g, '-')}-${i + 1}`,
    code,
  })),
);

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

it('the code in the docs compiles', async () => {
  expect(blocks.length).toBeGreaterThan(3);
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  // a module may await at its top, which CommonJS can't; nothing is emitted
  for (const { name, code } of blocks) writeFileSync(join(scratch, `${name}.mts`), `${code}\nexport {};\n`);
  const config = {
    extends: '../../../../tsconfig.test.json',
    compilerOptions: {
      noUnusedLocals: false,
      noUnusedParameters: false,
      paths: { '@tidemark/*': ['../../../../packages/*/src/index.ts'] },
    },
    include: ['*.mts'],
    exclude: [],
  };
  writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', scratch]).catch(
    (error: unknown) => error as { stdout: string },
  );
  expect(stdout).toBe('');
});
