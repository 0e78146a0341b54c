/**
 * What a package costs its users: the bytes to download, the bytes on disk, and how many packages come along with it (its
 * dependencies and the peers that it can't do without, and theirs). Prints what was measured beside the budget in
 * scripts/size-budget.json and fails when one is exceeded, or so generous that it would notice nothing (twice what is needed).
 * Needs a build; `npm run size` makes one.
 */
import { join } from 'node:path';
import { Failed, json, main, publicPackages, root, run, say, temporaryFolder } from './support.mjs';

const budgets = json(join(root, 'scripts', 'size-budget.json'));
const lock = json(join(root, 'package-lock.json')).packages;
const temporary = temporaryFolder('size');

/** Where Node finds a package that is asked for from a folder: the nearest node_modules that has it. */
function located(name, from) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (lock[path]) return lock[path].link ? lock[path].resolved : path;
    if (folder === '') throw new Failed(`${name}, needed by ${from}, isn't in package-lock.json`);
  }
}

/** The folders of everything that an installation of the package at `path` brings, itself left out. */
function brought(path, found = new Set()) {
  const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = lock[path];
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  for (const name of [...Object.keys(dependencies), ...peers]) {
    const needed = located(name, path);
    if (found.has(needed)) continue;
    found.add(needed);
    brought(needed, found);
  }
  return found;
}

function measured({ folder, dir }) {
  const [{ size, unpackedSize }] = JSON.parse(run(dir, 'npm', 'pack', '--json', '--pack-destination', temporary));
  const kB = (bytes) => Math.ceil(bytes / 1000);
  return { packedKB: kB(size), unpackedKB: kB(unpackedSize), packages: brought(`packages/${folder}`).size };
}

await main(() => {
  const wrong = [];
  const row = (...cells) => say(cells.map((cell, i) => (i === 0 ? cell.padEnd(20) : cell.padStart(18))).join(''));
  row('', 'packed kB', 'unpacked kB', 'packages brought');
  for (const one of publicPackages()) {
    const { name } = one.manifest;
    const budget = budgets[name];
    if (!budget) throw new Failed(`${name} has no budget in scripts/size-budget.json`);
    const costs = measured(one);
    row(name, ...Object.keys(costs).map((what) => `${costs[what]} of ${budget[what]}`));
    for (const [what, cost] of Object.entries(costs)) {
      if (!(cost <= budget[what])) wrong.push(`${name}: ${what} is ${cost}, its budget ${budget[what]}`);
      if (budget[what] > 2 * cost)
        wrong.push(`${name}: ${what} is ${cost}, so a budget of ${budget[what]} says nothing`);
    }
  }
  if (wrong.length > 0) throw new Failed(wrong.join('\n'));
});
