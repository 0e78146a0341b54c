/** What the suites need of a test runner; the globals of jest, vitest and node:test fit as they are. */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void>): void;
}
