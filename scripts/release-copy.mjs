/** A copy of the repository as it lies here, to release from: nothing that happens in it reaches the original. */
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { publicPackages, root, run } from './support.mjs';

const listed = (...args) =>
  run(root, 'git', 'ls-files', '-z', ...args)
    .split('\0')
    .filter((path) => path !== '');

/** Clones the history, lays the files of the work tree and the build over it, and commits them. */
export function releaseCopy(folder) {
  run(root, 'git', 'clone', '--quiet', '--no-hardlinks', root, folder);
  for (const path of listed('--cached', '--others', '--exclude-standard')) {
    const [from, to] = [join(root, path), join(folder, path)];
    rmSync(to, { force: true });
    if (!existsSync(from)) continue;
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to);
  }
  for (const { folder: name, dir } of publicPackages())
    cpSync(join(dir, 'dist'), join(folder, 'packages', name, 'dist'), { recursive: true });
  for (const [key, value] of [
    ['user.name', 'rehearsal'],
    ['user.email', 'rehearsal@localhost'],
    ['commit.gpgsign', 'false'],
    ['tag.gpgsign', 'false'],
    ['core.hooksPath', join(folder, 'no-hooks')],
  ])
    run(folder, 'git', 'config', key, value);
  commitAll(folder, 'chore: as it lies here');
}

export function commitAll(folder, message) {
  run(folder, 'git', 'add', '--all');
  run(folder, 'git', 'commit', '--quiet', '--allow-empty', '--message', message);
}
