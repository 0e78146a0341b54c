/** What the tests of a project that needs a broker use. */
import process from 'node:process';
import { type BrokerName } from '../brokers';
import { addressVariable, missingVariable, ownMissingVariable } from '../variables';

/** Where the broker is that all tests of the run share: names of topics and groups have to be one's own. */
export function addressOf(name: BrokerName): string {
  const address = process.env[addressVariable(name)];
  if (address === undefined)
    throw new Error(`${addressVariable(name)} isn't set: this test belongs into the Jest project ${name}`);
  return address;
}

/** `it` for what kills or freezes a broker, which it starts itself. The run says at its end when these were left out. */
export const itWithOwn = (name: BrokerName): jest.It =>
  process.env[ownMissingVariable(name)] === undefined ? it : it.skip;

/** Leaves out every test of a file when there is no broker; the run says so at its end. */
export function onlyWith(name: BrokerName): void {
  if (process.env[missingVariable(name)] !== undefined) Object.assign(globalThis, { it: it.skip, test: test.skip });
}
