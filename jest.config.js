/**
 * The projects: `unit` needs nothing but Node, `contract` runs the suites on real logs and replicas, `e2e` real processes; `kafka`
 * (`*.kafka.test.ts`) and `nats` (`*.nats.test.ts`) have a real broker, which is started when a test of this project is selected.
 */
const shared = {
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
  moduleNameMapper: {
    '^@tidemark/([^/]+)$': '<rootDir>/packages/$1/src',
    '^@tidemark-examples/([^/]+)$': '<rootDir>/examples/$1/src',
    // the same code in one file instead of two hundred, which every test file would load anew
    '^rxjs$': '<rootDir>/node_modules/rxjs/dist/bundles/rxjs.umd.js',
  },
  modulePathIgnorePatterns: ['/dist/'],
};

const brokers = ['kafka', 'nats'];

/** A project for each broker: its globalSetup runs once, and only when a test of it is selected. */
const withBroker = (name) => ({
  ...shared,
  displayName: name,
  testMatch: ['packages/*/test', 'examples/*/test', 'test'].map((where) => `<rootDir>/${where}/**/*.${name}.test.ts`),
  globalSetup: `<rootDir>/test/brokers/jest/${name}-setup.ts`,
  globalTeardown: `<rootDir>/test/brokers/jest/${name}-teardown.ts`,
  setupFilesAfterEnv: [`<rootDir>/test/setup-${name}.ts`],
});

/** @type {import('jest').Config} */
module.exports = {
  maxWorkers: '100%',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/packages/*/test/**/*.test.ts', '<rootDir>/examples/*/test/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', `\\.(contract|e2e|${brokers.join('|')})\\.test\\.ts$`],
      setupFilesAfterEnv: ['<rootDir>/test/setup-unit.ts'],
    },
    {
      ...shared,
      displayName: 'contract',
      testMatch: ['<rootDir>/packages/*/test/**/*.contract.test.ts', '<rootDir>/examples/*/test/**/*.contract.test.ts'],
      setupFilesAfterEnv: ['<rootDir>/test/setup-contract.ts'],
    },
    {
      ...shared,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/**/*.test.ts', '<rootDir>/packages/*/test/**/*.e2e.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', `\\.(${brokers.join('|')})\\.test\\.ts$`],
      setupFilesAfterEnv: ['<rootDir>/test/setup-e2e.ts'],
    },
    ...brokers.map(withBroker),
  ],
};
