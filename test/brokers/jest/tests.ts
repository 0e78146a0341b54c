/** What the tests of a project that needs a broker use. */
import process from 'node:process';
import { type BrokerName, brokers } from '../brokers';
import { missing, ownMissing } from './variables';

/** Where the broker is that all tests of the run share: names of topics and groups have to be one's own. */
export function addressOf(name: BrokerName): string {
  const { variable } = brokers[name];
  const address = process.env[variable];
  if (address === undefined) throw new Error(`${variable} isn't set: this test belongs into the Jest project ${name}`);
  return address;
}

/** `it` for what kills or freezes a broker, which it starts itself. The run says at its end when these were left out. */
export const itWithOwn = (name: BrokerName): jest.It =>
  process.env[ownMissing(brokers[name].variable)] === undefined ? it : it.skip;

/** Leaves out every test of a file when there is no broker; the run says so at its end. */
export function onlyWith(name: BrokerName): void {
  if (process.env[missing(brokers[name].variable)] !== undefined)
    Object.assign(globalThis, { it: it.skip, test: test.skip });
}
