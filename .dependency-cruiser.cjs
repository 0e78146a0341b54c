/**
 * Which file may import which. Run by `npm run lint`; the picture is in docs/architecture.md.
 * `$1` in a `to` is what the first group of the rule's `from` matched: the package that imports.
 * @type {import('dependency-cruiser').IConfiguration}
 */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Files depend on each other in one direction, types included.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'packages-import-core-only',
      comment: 'core imports no other package; every other package imports core and its own driver, never a sibling.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/' },
      to: { path: '^packages/', pathNot: '^packages/($1|core)/' },
    },
    {
      name: 'tests-import-memory-and-testkit-only',
      comment: "A package's tests may use the in-memory log and the contract suites besides core, no other sibling.",
      severity: 'error',
      from: { path: '^packages/([^/]+)/test/' },
      to: { path: '^packages/', pathNot: '^packages/($1|core|memory|testkit)/' },
    },
    {
      name: 'no-deep-imports',
      comment: "Another package is imported as '@tidemark/<name>', which is its src/index.ts.",
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/', pathNot: '^packages/($1/|[^/]+/src/index\\.ts$)' },
    },
    {
      name: 'no-deep-imports-from-outside',
      comment: "Examples and the repository's own tests see what a user sees: '@tidemark/<name>'.",
      severity: 'error',
      from: { path: '^(examples|test|scripts)/' },
      to: { path: '^packages/', pathNot: '^packages/[^/]+/src/index\\.ts$' },
    },
    {
      name: 'nothing-imports-tests',
      comment: 'Code under test/ is for tests beside it.',
      severity: 'error',
      from: { pathNot: '^(packages/[^/]+/|examples/[^/]+/|)test/' },
      to: { path: '^(packages/[^/]+/|examples/[^/]+/|)test/' },
    },
    {
      name: 'root-tests-stay-there',
      comment:
        "A package's tests don't lean on what crosses packages; a broker they may start, and a network before it.",
      severity: 'error',
      from: { path: '^(packages|examples)/' },
      to: { path: '^test/', pathNot: '^test/(brokers/|chaos/proxy\\.ts$)' },
    },
    {
      name: 'nothing-imports-examples',
      severity: 'error',
      from: { pathNot: '^examples/' },
      to: { path: '^examples/' },
    },
    {
      name: 'only-declared-dependencies',
      comment: "A package's source imports what its own package.json declares for its users: dependencies and peers.",
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'nothing-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^((packages|examples)/[^/]+|test)/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.test.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'require', 'node', 'default'] },
  },
};
