import { type TestRunner } from '@tidemark/testkit';

/** Runs the scenarios whose names match, and answers with the names of those that failed and how many were run. */
export async function run(
  declare: (runner: TestRunner) => void,
  names: RegExp,
): Promise<{ readonly ran: number; readonly failed: readonly string[] }> {
  const scenarios: { readonly name: string; readonly body: () => Promise<void> }[] = [];
  declare({
    describe: (_, body) => body(),
    it: (name, body) => {
      if (names.test(name)) scenarios.push({ name, body });
    },
  });
  const outcomes = await Promise.all(
    scenarios.map(({ name, body }) =>
      body().then(
        () => [],
        () => [name],
      ),
    ),
  );
  return { ran: scenarios.length, failed: outcomes.flat() };
}
