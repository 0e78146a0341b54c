import { type Transport } from '@tidemark/core';
import { type TestRunner } from './test-runner';
import { type TransportContract, type TransportFixture, type TransportScenario } from './transport-fixture';
import { flowScenarios } from './transport-flow';
import { lossScenarios } from './transport-loss';
import { positionScenarios } from './transport-positions';
import { readingScenarios } from './transport-reading';
import { recordScenarios } from './transport-records';
import { sharingScenarios } from './transport-sharing';

/**
 * The universal suite for transports: declares its scenarios with your test runner. Every adapter passes it; what a log can't
 * do is left out of `features`, by the test and never by the port.
 *
 * @example
 * transportContract({ describe, it }, { name: 'memoryLog', topic: 'orders', reads: 'all', open })
 */
export function transportContract<T extends string, F extends TransportFixture<T>>(
  runner: TestRunner,
  contract: TransportContract<T, F>,
): void {
  const scenario: TransportScenario<T, F> = (name, body) =>
    runner.it(name, async () => {
      const fixture = await contract.open();
      const over = new AbortController();
      try {
        await body(fixture, () => endingWith(fixture.client(), over.signal));
      } finally {
        over.abort();
        await fixture.close();
      }
    });
  runner.describe(`${contract.name}: transport contract`, () => {
    runner.describe('reading', () => readingScenarios(scenario, contract));
    runner.describe('records', () => recordScenarios(scenario, contract));
    runner.describe('flow', () => flowScenarios(scenario, contract));
    runner.describe('loss', () => lossScenarios(scenario, contract));
    runner.describe('positions', () => positionScenarios(scenario, contract));
    if (contract.reads === 'share') runner.describe('sharing', () => sharingScenarios(scenario, contract));
  });
}

/** The transport, with reads that end when `over` aborts too. */
const endingWith = <T extends string>(transport: Transport<T>, over: AbortSignal): Transport<T> => ({
  kind: transport.kind,
  topics: transport.topics,
  reads: transport.reads,
  identify: (signal) => transport.identify(signal),
  verify: (position, signal) => transport.verify(position, signal),
  read: (start, signal) => transport.read(start, AbortSignal.any([signal, over])),
});
