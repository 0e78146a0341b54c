import { type Locator, type NewRecord, type Publisher, type Transport } from '@tidemark/core';

/** A fresh, empty log for one scenario. */
export interface TransportFixture<T extends string> {
  /** Another client of the same log; with `reads: 'share'` another member of the same group. Closed with the fixture. */
  client(): Transport<T>;
  /** Resolves once the log has accepted the records, into the contract's topic. */
  publish(records: readonly NewRecord[]): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * What this log can do beyond being read, as functions of the fixture. Each adds scenarios; one that is left out is a
 * statement that the log can't do it. They act on every partition of the contract's topic.
 */
export interface TransportFeatures<T extends string, F> {
  /** Retention: removes every record published so far. */
  readonly trim?: ((fixture: F) => unknown) | undefined;
  /** Deletes the topic and creates it again, empty. */
  readonly recreate?: ((fixture: F) => unknown) | undefined;
  /** The same, where a running read notices it. */
  readonly recreateWhileReading?: ((fixture: F) => unknown) | undefined;
  /** Takes back the last record of each partition: the log becomes shorter than what was read. */
  readonly shorten?: ((fixture: F) => unknown) | undefined;
  /** Puts another record in the place of the last one of each partition: the same offset, another history. */
  readonly rewrite?: ((fixture: F) => unknown) | undefined;
  /** Adds at least one partition. */
  readonly grow?: ((fixture: F) => unknown) | undefined;
  /** Moves each partition's head on without a record: a transaction marker, a compacted tail. */
  readonly gap?: ((fixture: F) => unknown) | undefined;
  /** Makes the log unreachable for clients that read already, until the answered function is called. */
  readonly outage?: ((fixture: F) => (() => unknown) | Promise<() => unknown>) | undefined;
  /** Publishes a record that has no key. */
  readonly publishWithoutKey?: ((fixture: F, value: string) => unknown) | undefined;
  /** How long the log keeps a record by its age, in milliseconds, as `verify` tells it. */
  readonly tellsRetention?: ((fixture: F) => number | Promise<number>) | undefined;
  readonly publisher?: ((fixture: F) => Publisher<T>) | undefined;
  readonly locator?: ((fixture: F) => Locator) | undefined;
}

export interface TransportContract<T extends string, F extends TransportFixture<T>> {
  readonly name: string;
  /** The application's name of the topic that the scenarios publish to. */
  readonly topic: T;
  readonly reads: 'all' | 'share';
  open(): Promise<F>;
  readonly features?: TransportFeatures<T, F> | undefined;
  /** Bytes of the biggest value that the log takes; default 1 MiB. */
  readonly biggest?: number | undefined;
}

/** Declares one scenario. `connect` makes a client of the fixture's whose reads end with the scenario, whatever happens. */
export type TransportScenario<T extends string, F> = (
  name: string,
  body: (fixture: F, connect: () => Transport<T>) => Promise<void>,
) => void;
