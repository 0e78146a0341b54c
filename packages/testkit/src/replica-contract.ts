import { amendScenarios } from './replica-amend';
import { applyScenarios } from './replica-apply';
import { bootstrapScenarios } from './replica-bootstrap';
import { floorScenarios } from './replica-floor';
import { type ReplicaContract, type ReplicaFixture, type ReplicaScenario } from './replica-fixture';
import { storedScenarios } from './replica-stored';
import { letterScenarios } from './replica-letters';
import { mergingScenarios } from './replica-merging';
import { pauseScenarios } from './replica-pause';
import { termScenarios } from './replica-terms';
import { versionedScenarios } from './replica-versioned';
import { type TestRunner } from './test-runner';

/**
 * The universal suite for replicas: the whole table of the port, every state × every call, and what each invariant asks of it.
 *
 * @example
 * replicaContract({ describe, it }, { name: 'liveView', shared: false, open })
 */
export function replicaContract<F extends ReplicaFixture>(runner: TestRunner, contract: ReplicaContract<F>): void {
  const scenarioOn =
    <G extends { close(): Promise<void> }>(open: () => Promise<G>): ReplicaScenario<G> =>
    (name, body) =>
      runner.it(name, async () => {
        const fixture = await open();
        try {
          await body(fixture);
        } finally {
          await fixture.close();
        }
      });
  const scenario = scenarioOn(() => contract.open());
  const versioned = contract.features?.versioned;
  runner.describe(`${contract.name}: replica contract`, () => {
    runner.describe('terms', () => termScenarios(scenario, contract));
    runner.describe('bootstrap', () => bootstrapScenarios(scenario, contract));
    runner.describe('floor', () => floorScenarios(scenario));
    runner.describe('apply', () => applyScenarios(scenario));
    runner.describe('amend', () => amendScenarios(scenario));
    if (contract.shared) runner.describe('letters', () => letterScenarios(scenario));
    runner.describe('pause', () => pauseScenarios(scenario, contract));
    runner.describe('stored', () => storedScenarios(scenario));
    if (versioned === undefined) return;
    runner.describe('versioned', () => versionedScenarios(scenarioOn(versioned)));
    runner.describe('merging', () => mergingScenarios(scenarioOn(versioned)));
  });
}
