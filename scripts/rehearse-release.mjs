/**
 * A release without a release: from a copy of the repository, lerna publishes every package to a registry on 127.0.0.1, then
 * makes the next version of one package that changed and publishes it alone, then of core. After that each package is installed from there into
 * an empty project by the line in its README, and the README's samples are compiled and have to print what they say they print.
 * What isn't ours comes from npm's own registry, in the versions that this repository tests with. Needs a build; `npm run
 * release:rehearse` makes one. Leaves nothing behind: no tag, no version, no file.
 */
import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { lendBroker } from './lend-broker.mjs';
import { loopbackRegistry } from './loopback-registry.mjs';
import { printed, samplesOf, toInstall } from './readme-samples.mjs';
import { commitAll, releaseCopy } from './release-copy.mjs';
import {
  bin,
  ensure,
  Failed,
  json,
  main,
  publicPackages,
  quiet,
  root,
  say,
  temporaryFolder,
  testedVersion,
} from './support.mjs';

const temporary = temporaryFolder('rehearsal');
const copy = join(temporary, 'copy');
const lerna = join(root, 'node_modules', 'lerna', 'dist', 'cli.js');

const env = {
  ...process.env,
  NO_PROXY: [process.env.NO_PROXY, '127.0.0.1'].filter(Boolean).join(','),
  NX_DAEMON: 'false',
  NX_NO_CLOUD: 'true',
  NX_WORKSPACE_DATA_DIRECTORY: join(temporary, 'nx'),
};

/** Runs a command while the registry goes on answering; what it said is shown only when it fails. */
const call = (cwd, command, ...args) => callWith(env, cwd, command, ...args);

async function callWith(env, cwd, command, ...args) {
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd, env, timeout: 180_000, maxBuffer: 2 ** 26 });
    return stdout;
  } catch (error) {
    const why = error.killed ? 'took longer than 3 minutes\n' : '';
    throw new Failed(`${command} ${args.join(' ')}\n${why}${error.stdout ?? ''}${error.stderr ?? error.message}`);
  }
}

const npmrcOf = ({ host, token }) => `@tidemark:registry=http://${host}/\n//${host}/:_authToken=${token}\n`;

const idOf = ({ name, version }) => `${name}@${version}`;
const manifestOf = (folder) => json(join(copy, 'packages', folder, 'package.json'));

/** What is published from the copy by lerna, as `name@version`; `registry` is the only one that it knows. */
async function publish(registry) {
  const before = new Set(registry.published());
  const options = ['--yes', '--loglevel', 'warn'];
  await call(
    copy,
    process.execPath,
    lerna,
    'publish',
    'from-package',
    ...options,
    '--registry',
    `http://${registry.host}/`,
  );
  return registry.published().filter((id) => !before.has(id));
}

/** The first release: all packages, in the version that they have. */
async function publishAll(registry, packages) {
  const published = await publish(registry);
  const wanted = packages.map(({ manifest }) => idOf(manifest)).sort();
  ensure(`${published}` === `${wanted}`, `published: ${published}\nbut wanted: ${wanted}`);
  const again = await publish(registry);
  ensure(again.length === 0, `what was published already was published again: ${again}`);
  say(`published: ${published.join(', ')}`);
}

/** Makes the next version after a commit that changes one package, and publishes it; answers with what was published. */
async function publishNext(registry, folder, type) {
  appendFileSync(join(copy, 'packages', folder, 'README.md'), '\n');
  commitAll(copy, `${type}(${folder}): a rehearsed change`);
  const { version } = json(join(copy, 'lerna.json'));
  await call(copy, process.execPath, lerna, 'version', '--yes', '--no-push', '--loglevel', 'warn');

  const next = manifestOf(folder);
  ensure(next.version !== version, `lerna version left ${folder} at ${version}`);
  const changes = join(copy, 'packages', folder, 'CHANGELOG.md');
  ensure(existsSync(changes), `lerna version wrote no change log for ${folder}`);
  ensure(readFileSync(changes, 'utf8').includes('a rehearsed change'), `its change log doesn't name the change`);
  const locked = json(join(copy, 'package-lock.json')).packages;
  ensure(locked[`packages/${folder}`].version === next.version, `package-lock.json has another version of ${folder}`);
  for (const [path, { link }] of Object.entries(locked))
    ensure(link || !path.includes('node_modules/@tidemark/'), `package-lock.json has a ${path} that isn't ours`);
  return publish(registry);
}

/** A release in which one package has changed, and no other depends on it: it is published alone. */
async function publishOne(registry, folder) {
  const { version } = json(join(copy, 'lerna.json'));
  await call(copy, 'git', 'tag', '--annotate', `v${version}`, '--message', `v${version}`);
  const published = await publishNext(registry, folder, 'fix');
  const next = manifestOf(folder);
  ensure(`${published}` === idOf(next), `published: ${published}\nbut wanted: ${idOf(next)} alone`);
  const needed = Object.entries(registry.manifest(next.name, next.version).dependencies);
  for (const [name, range] of needed)
    ensure(
      registry.manifest(name, range.replace('^', '')),
      `${idOf(next)} needs ${name}@${range}, which isn't published`,
    );
  say(`published alone: ${idOf(next)}, which needs ${needed.map((one) => one.join('@')).join(', ')}`);
}

/** A release in which core has changed, and with it what depends on it: all packages, in one version. */
async function publishCore(registry, packages) {
  const published = await publishNext(registry, 'core', 'feat');
  const wanted = packages.map(({ folder }) => idOf(manifestOf(folder))).sort();
  ensure(`${published}` === `${wanted}`, `published: ${published}\nbut wanted: ${wanted}`);
  const versions = new Set(packages.map(({ folder }) => manifestOf(folder).version));
  ensure(versions.size === 1, `one release has several versions: ${[...versions]}`);
  say(`published after a change of core: ${published.join(', ')}`);
}

/** Installs what the README says into an empty project, with everything of ours from the registry. */
async function install(registry, project, words) {
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  writeFileSync(join(project, '.npmrc'), npmrcOf(registry));
  const wanted = words.map((name) => (name.startsWith('@tidemark/') ? name : `${name}@${testedVersion(name)}`));
  // by option, because npm hands on to what it runs how it was run itself, as the environment
  const options = ['--omit-lockfile-registry-resolved=false', '--loglevel=error', ...quiet];
  await call(project, 'npm', 'install', ...options, ...wanted);
  for (const [path, { resolved }] of Object.entries(json(join(project, 'package-lock.json')).packages))
    if (path.startsWith('node_modules/@tidemark/'))
      ensure(resolved?.startsWith(`http://${registry.host}/`), `${path} came from ${resolved}, not from the rehearsal`);
}

/** Compiles the README's samples as a user's strictest project would. */
async function compileSamples(project, samples) {
  const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false };
  const types = { types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] };
  // the declarations of `nats` 2.29 themselves don't hold under all of `strict`
  const skipLibCheck = existsSync(join(project, 'node_modules', 'nats'));
  const compilerOptions = { module: 'node20', target: 'es2022', lib: ['es2022'], ...strict, ...types, skipLibCheck };
  samples.forEach(({ code }, i) => writeFileSync(join(project, `sample-${i + 1}.mts`), code));
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }));
  await call(project, join(bin, 'tsc'), '-p', project);
}

/** Runs each sample, and compares what it prints. */
async function runSamples(project, samples, file, variables) {
  const given = { ...env, ...variables };
  for (const [i, { prints }] of samples.entries()) {
    const output = await callWith(given, project, process.execPath, '--test-reporter=tap', `sample-${i + 1}.mjs`);
    ensure(printed(output, prints), `${file}: sample ${i + 1} should print\n${prints}\nbut printed\n${output}`);
  }
}

/** The packages whose samples need the broker that they are called after, and the variable that tells them where it is. */
const brokers = { kafka: 'TIDEMARK_KAFKA', nats: 'TIDEMARK_NATS' };

/** Runs samples, with a broker where they need one; answers with what they have done. */
async function withBroker(folder, run) {
  const variable = brokers[folder];
  if (variable === undefined) {
    await run({});
    return 'print what they say';
  }
  const { address, missing, giveBack } = await lendBroker(folder);
  if (missing !== undefined) return `compile, and are NOT TESTED (${missing})`;
  try {
    await run({ [variable]: address });
    return 'print what they say';
  } finally {
    await giveBack();
  }
}

/** One package, by itself, in a project of its own: `place` names it. */
async function use(registry, { dir, folder, manifest }, place = folder) {
  const file = `packages/${folder}/README.md`;
  const readme = readFileSync(join(dir, 'README.md'), 'utf8');
  const words = toInstall(readme, file);
  ensure(words.includes(manifest.name), `${file}: its npm install leaves ${manifest.name} out`);
  const samples = samplesOf(readme, file);
  const project = join(temporary, `user-of-${place}`);
  await install(registry, project, words);
  await compileSamples(project, samples);
  const what = await withBroker(folder, (variables) => runSamples(project, samples, file, variables));
  const { version } = json(join(project, 'node_modules', manifest.name, 'package.json'));
  say(`installed from there: ${manifest.name}@${version}; README samples that ${what}: ${samples.length}`);
}

await main(async () => {
  const registry = await loopbackRegistry();
  try {
    const packages = publicPackages();
    releaseCopy(copy);
    writeFileSync(join(copy, '.npmrc'), npmrcOf(registry), { flag: 'a' });
    commitAll(copy, 'chore: the registry of the rehearsal');
    await publishAll(registry, packages);
    const adapter = packages.find(({ folder }) => folder === 'sqlite');
    await publishOne(registry, adapter.folder);
    await use(registry, adapter, 'one-alone');
    await publishCore(registry, packages);
    for (const one of packages) await use(registry, one);
  } catch (error) {
    if (error instanceof Failed)
      error.message += `\n\nthe registry's last requests:\n${registry.log.slice(-25).join('\n')}`;
    throw error;
  } finally {
    await registry.close();
  }
});
