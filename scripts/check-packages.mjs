/**
 * Are the packages what a user gets? Reads the manifest of each one, packs it, lints the tarball (publint, attw), installs it into an empty project with
 * nothing but what it declares, imports every public name from CommonJS and from ES modules, type-checks both without
 * skipLibCheck, and runs both. Needs a build; `npm run check:packages` makes one. Leaves nothing behind.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import ts from 'typescript';
import {
  bin,
  ensure,
  json,
  main,
  publicPackages,
  quiet,
  root,
  run,
  say,
  temporaryFolder,
  testedVersion,
} from './support.mjs';

/** Their declarations name types of node:http, or those of kafkajs do, so their users need @types/node. Nobody else's may. */
const needNodeTypes = new Set(['@tidemark/http', '@tidemark/kafka']);

const temporary = temporaryFolder('packages');

/** What every manifest has to say, so that whoever looks at a registry's page knows what this is and where it runs. */
function checkManifest({ folder, manifest }) {
  const { name, license, engines, type, sideEffects, publishConfig, dependencies = {} } = manifest;
  const { license: ours, engines: nodes } = json(join(root, 'package.json'));
  const wrong = (what) => `packages/${folder}/package.json: ${what}`;
  ensure(name === `@tidemark/${folder}`, wrong(`its name should be @tidemark/${folder}`));
  ensure(manifest.description?.length > 20, wrong('description is missing or says too little'));
  ensure(manifest.keywords?.includes('tidemark'), wrong('keywords lack tidemark'));
  ensure(license === ours && engines?.node === nodes.node, wrong("license or engines aren't the repository's"));
  ensure(type === 'commonjs' && sideEffects === false, wrong('type is commonjs and sideEffects false'));
  ensure(publishConfig?.access === 'public', wrong('publishConfig.access is public, or npm refuses a scoped package'));
  for (const [dependency, range] of Object.entries(dependencies))
    if (dependency.startsWith('@tidemark/'))
      // one copy of core in an application: a caret, which lerna keeps at the version last released
      ensure(
        range.startsWith('^'),
        wrong(`${dependency} is ${range}, which two packages can't share; it takes a caret`),
      );
}

/** Every public package, by name, packed. */
function pack() {
  const packages = new Map();
  for (const one of publicPackages()) {
    checkManifest(one);
    const { dir, manifest } = one;
    const [{ filename, files }] = JSON.parse(run(dir, 'npm', 'pack', '--json', '--pack-destination', temporary));
    const paths = files.map(({ path }) => path);
    for (const needed of ['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts', 'src/index.ts'])
      ensure(paths.includes(needed), `${manifest.name}: its tarball has no ${needed}`);
    const stray = paths.find((path) => !/^(LICENSE|README\.md|package\.json|(dist|src)\/[^/]+)$/.test(path));
    ensure(stray === undefined, `${manifest.name}: its tarball has ${stray}, which is nobody's`);
    ensure(!paths.some((path) => path.endsWith('.tsbuildinfo')), `${manifest.name}: its tarball has build info`);
    ensure(
      readFileSync(join(dir, 'LICENSE'), 'utf8') === readFileSync(join(root, 'LICENSE'), 'utf8'),
      `${manifest.name}: its LICENSE isn't the repository's`,
    );
    packages.set(manifest.name, { dir, manifest, tarball: join(temporary, filename), files: paths.length });
  }
  return packages;
}

/** The package and all of ours that it depends on. */
function closure(packages, name, found = new Set()) {
  found.add(name);
  for (const dependency of Object.keys(packages.get(name).manifest.dependencies ?? {}))
    if (packages.has(dependency) && !found.has(dependency)) closure(packages, dependency, found);
  return found;
}

/** The exact versions that this repository tests with, of everything that these packages leave to their users. */
function peersOf(packages, names) {
  const peers = new Set([...names].flatMap((name) => Object.keys(packages.get(name).manifest.peerDependencies ?? {})));
  return [...peers].map((peer) => `${peer}@${testedVersion(peer)}`);
}

/** Every exported name of the built declarations; `values` exist at run time. */
function publicNames({ dir }) {
  const entry = join(dir, 'dist', 'index.d.ts');
  const program = ts.createProgram([entry], { module: ts.ModuleKind.Node20, target: ts.ScriptTarget.ES2022 });
  const checker = program.getTypeChecker();
  const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)));
  const isValue = (symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const typeOnly = symbol.declarations?.some(
      (d) => ts.isExportSpecifier(d) && (d.isTypeOnly || d.parent.parent.isTypeOnly),
    );
    return !typeOnly && (target.flags & ts.SymbolFlags.Value) !== 0;
  };
  const names = (wanted) => symbols.filter((symbol) => isValue(symbol) === wanted).map(({ name }) => name);
  return { values: names(true), types: names(false) };
}

/** Imports every name, and says at run time that each value is there. */
const consumerOf = (
  name,
  { values, types },
) => `import { ${[...values, ...types.map((t) => `type ${t}`)].join(', ')} } from '${name}';
const values: Readonly<Record<string, unknown>> = { ${values.join(', ')} };
for (const [name, value] of Object.entries(values)) if (value === undefined) throw new Error(\`\${name} is undefined\`);
`;

/** @param variant what differs from a project with @types/node */
function checkTypes(project, variant, compilerOptions) {
  const config = join(project, `tsconfig.${variant}.json`);
  const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, rootDir: '.', outDir: 'out' };
  const options = { module: 'node20', target: 'es2022', ...strict, ...compilerOptions };
  writeFileSync(config, JSON.stringify({ compilerOptions: options, files: ['consumer.cts', 'consumer.mts'] }));
  run(project, join(bin, 'tsc'), '-p', config);
}

function consume(packages, name) {
  const names = publicNames(packages.get(name));
  ensure(names.values.length > 0, `${name} exports nothing`);
  const project = join(temporary, name.replace('@tidemark/', 'user-of-'));
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true }));
  const needed = closure(packages, name);
  const tarballs = [...needed].map((one) => packages.get(one).tarball);
  run(project, 'npm', 'install', ...quiet, ...tarballs, ...peersOf(packages, needed));

  writeFileSync(join(project, 'consumer.cts'), consumerOf(name, names));
  writeFileSync(join(project, 'consumer.mts'), consumerOf(name, names));
  if (!needNodeTypes.has(name)) checkTypes(project, 'web-types', { lib: ['es2022', 'dom'], types: [] });
  const typeRoots = [join(root, 'node_modules', '@types')];
  checkTypes(project, 'node-types', { lib: ['es2022'], types: ['node'], typeRoots });
  for (const consumer of ['consumer.cjs', 'consumer.mjs']) run(project, process.execPath, join('out', consumer));
  return names;
}

await main(() => {
  const packages = pack();
  for (const [name, { tarball, files }] of packages) {
    run(root, join(bin, 'publint'), 'run', '--strict', tarball);
    run(root, join(bin, 'attw'), '--profile', 'node16', '--no-emoji', '--format', 'ascii', tarball);
    const { values, types } = consume(packages, name);
    say(`${name}: ${files} files, ${values.length} values and ${types.length} types used from CommonJS and ESM`);
  }
});
