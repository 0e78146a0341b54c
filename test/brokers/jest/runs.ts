/** What a Jest run does before and after the tests of a project that needs a broker. */
import process from 'node:process';
import { type BrokerName, brokers, chosenBrokers } from '../brokers';
import { findBroker, type FoundBroker } from '../find-broker';
import { Unavailable } from '../unavailable';
import { addressVariable, missingVariable, ownMissingVariable } from '../variables';

interface Run {
  readonly found?: FoundBroker | undefined;
  readonly untested: readonly string[];
  /** What it was before. */
  readonly address: string | undefined;
}
const runs = new Map<BrokerName, Run>();

/** Finds or starts the broker. Where it can't be had the tests are left out, and the end of the run says so; with CI=true it fails. */
export async function setUp(name: BrokerName): Promise<void> {
  const variable = addressVariable(name);
  const address = process.env[variable];
  if (!chosenBrokers().includes(name)) {
    const reason = `left out by TIDEMARK_BROKERS=${process.env.TIDEMARK_BROKERS ?? ''}`;
    process.env[missingVariable(name)] = reason;
    runs.set(name, { untested: [`${name}: ${reason}`], address });
    return;
  }
  const untested: string[] = [];
  const unless = async <T>(what: Promise<T>, marker: string, tests: string) =>
    what.catch((error: unknown) => {
      if (!(error instanceof Unavailable)) throw error;
      const reason = `${name}: ${tests}${error.message}`;
      if (process.env.CI === 'true') throw new Error(`NOT TESTED: ${reason}`);
      process.env[marker] = error.message;
      untested.push(reason);
      return undefined;
    });
  const found = await unless(findBroker(name), missingVariable(name), '');
  runs.set(name, { found, untested, address });
  if (found === undefined) return;
  process.env[variable] = found.address;
  await unless<unknown>(brokers[name].prepare(), ownMissingVariable(name), 'what needs a broker of its own: ');
}

export async function tearDown(name: BrokerName): Promise<void> {
  const variable = addressVariable(name);
  const run = runs.get(name);
  runs.delete(name);
  for (const one of [variable, missingVariable(name), ownMissingVariable(name)])
    Reflect.deleteProperty(process.env, one);
  if (run?.address !== undefined) process.env[variable] = run.address;
  await run?.found?.stop();
  for (const reason of run?.untested ?? []) process.stderr.write(`\nNOT TESTED: ${reason}\n`);
}
