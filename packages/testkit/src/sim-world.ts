import {
  pagedTransport,
  type Pipeline,
  type Position,
  type Publisher,
  type Replica,
  type Runtime,
  type SnapshotSource,
  type Stored,
  type Times,
  type Transport,
} from '@tidemark/core';
import { Faulty } from './sim-faults';
import { SimHost } from './sim-host';
import { SimLeases } from './sim-leases';
import { type Published, SimLog, type View } from './sim-log';
import { logPort } from './sim-log-port';
import { Reached } from './sim-monotonic';
import { calm, planOf, type SimFault, type SimPlan } from './sim-plan';
import { Random } from './sim-random';
import { steppedReplica } from './sim-replica';
import { Scheduler } from './sim-scheduler';
import { type RowsOf, SimA } from './sim-snapshot';
import { Trace } from './sim-trace';

/** What a simulation is made of; see `simulate`. */
export interface Scenario<Topic extends string, State> {
  readonly topics: { readonly [T in Topic]: { readonly partitions: number } };
  readonly rows: { readonly [T in Topic]?: RowsOf };
  readonly write: (a: SimulatedA<Topic>) => Promise<void>;
  readonly start: (instance: SimulatedInstance<Topic>) => Simulated<State>;
  readonly always?: ((state: State, published: readonly Published[], stored: Stored) => void) | undefined;
  readonly expect: (state: State, published: readonly Published[]) => void;
  readonly instances?: number | undefined;
  readonly faults?: readonly SimFault[] | undefined;
}

/** Service A, as the one who writes. It never fails. */
export interface SimulatedA<Topic extends string> {
  /** Each call is one moment; the records of one call are in the log together. */
  readonly log: Publisher<Topic>;
  readonly runtime: Runtime;
  /** In [0, 1), from the seed. */
  readonly random: () => number;
}

/** One process of service B, from its start until it dies. */
export interface SimulatedInstance<Topic extends string> {
  readonly name: string;
  /** Which version of the pipeline this process is of: `'1'`, and later another one where versions are rolled out. */
  readonly version: string;
  /** The log, through the real `pagedTransport`. */
  readonly log: Transport<Topic>;
  readonly snapshot: SnapshotSource;
  readonly runtime: Runtime;
  /** Times that are drawn from the seed, for `snapshotThenSubscribe`. */
  readonly times: Times;
  /** Calls of the replica become steps, with faults. Each of its calls must do its work before it returns. */
  replica<Change>(replica: Replica<Change>): Replica<Change>;
  /** What outlives the process: a database, another service's state. Made once a run. */
  durable<T>(name: string, make: () => T): T;
  /** An effect of your own as a step: it happens as a whole, at some moment, and its answer may never come. */
  step<T>(label: string, effect: () => T): Promise<T>;
}

/** What `start` answers with. */
export interface Simulated<State> {
  readonly pipeline: Pipeline<unknown>;
  /** What B's state is just now, as a copy: it is compared later. Not a step: it is only looked at. */
  readonly state: () => State;
}

/** One run's world: everything that isn't the code under test. */
export class SimWorld<Topic extends string, State> {
  readonly random: Random;
  readonly trace = new Trace(60);
  readonly scheduler: Scheduler;
  readonly log: SimLog;
  readonly a: SimA;
  readonly faultyLog: Faulty;
  readonly faultyReplica: Faulty;
  readonly faultyA: Faulty;
  plan: SimPlan;
  /** The first thing that went wrong. */
  violation: { readonly what: string; readonly cause?: unknown } | undefined;
  private readonly faultyLeases: Faulty;
  private readonly leases = new SimLeases();
  /** Of the replica that outlives its processes, or of one that doesn't. */
  private readonly reached = new Map<Replica<never> | 'shared', Reached>();
  private readonly kept = new Map<string, unknown>();
  private looked:
    { readonly position: Position; readonly view: View; readonly published: readonly Published[] } | undefined;

  constructor(
    seed: number,
    private readonly scenario: Scenario<Topic, State>,
    faults: readonly SimFault[],
  ) {
    const random = new Random(seed);
    const plan = planOf(random, { faults, instances: scenario.instances ?? 3 });
    const topics = new Map(
      Object.entries<{ readonly partitions: number }>(scenario.topics).map(([name, { partitions }]) => [
        name,
        partitions,
      ]),
    );
    this.random = random;
    this.plan = plan;
    this.scheduler = new Scheduler(random, this.trace, plan.pace);
    const markers = plan.faults.has('markers') ? 0.1 : 0;
    this.log = new SimLog({ topics, markers, scatter: plan.faults.has('scatter') }, random, () => this.scheduler.now);
    this.faultyLog = new Faulty('the log', random, plan.log);
    this.faultyReplica = new Faulty('the replica', random, plan.replica);
    this.faultyLeases = new Faulty('the lease store', random, plan.leases);
    this.faultyA = new Faulty('A', random, plan.a);
    const rows = new Map(Object.entries<RowsOf | undefined>(scenario.rows).flatMap(([t, of]) => (of ? [[t, of]] : [])));
    this.a = new SimA(this.log, rows, this.faultyA, random, plan.snapshot);
  }

  /** From now on nothing goes wrong any more. */
  calmDown(): void {
    this.plan = calm(this.plan);
    for (const faulty of [this.faultyLog, this.faultyReplica, this.faultyLeases, this.faultyA]) faulty.calmDown();
    this.a.faults = this.plan.snapshot;
    this.log.wake();
  }

  violate(what: string, cause?: unknown): void {
    this.violation ??= { what, cause };
  }

  note(what: string, how = ''): void {
    this.trace.note(this.scheduler.now, 'world', what, how);
  }

  host(name: string): SimHost {
    return new SimHost(name, this.scheduler);
  }

  /** A as its own program sees it. */
  writer(): SimulatedA<Topic> {
    const host = this.host('A');
    const log: Publisher<Topic> = {
      publish: (topic, records) => host.step(`publish ${records.length}`, () => this.log.publish(topic, records)),
    };
    return { log, runtime: host.runtime, random: this.random.next };
  }

  /** The world as one process sees it. `state` is asked after each write to the replica. */
  instance(host: SimHost, version: string, state: () => State): SimulatedInstance<Topic> {
    const { plan } = this;
    const port = logPort(host, () => ({
      log: this.log,
      faulty: this.faultyLog,
      random: this.random,
      pageRecords: plan.pageRecords,
      mirror: this.plan.mirror,
    }));
    const expiryMs = plan.times.takeoverMs;
    const share = plan.faults.has('share')
      ? { leases: this.leases.client(host, this.faultyLeases), expiryMs, renewMs: expiryMs / 3, owner: host.name }
      : undefined;
    const { runtime } = host;
    const { maxInFlight, describeMs } = plan;
    return {
      name: host.name,
      version,
      log: pagedTransport(port, { runtime, share, maxInFlight, describeMs, idleMs: 10_000 }) as Transport<Topic>,
      snapshot: this.a.source(host),
      runtime,
      times: plan.times,
      replica: (replica) =>
        steppedReplica(host, replica, this.faultyReplica, () => {
          this.look(replica, state);
        }),
      durable: <T>(name: string, make: () => T): T => {
        if (!this.kept.has(name)) this.kept.set(name, make());
        return this.kept.get(name) as T;
      },
      step: (label, effect) => host.step(label, effect),
    };
  }

  /** Records that were published so far, in all lives of their topics. */
  published(): readonly Published[] {
    return this.log.publishedAt(this.log.view());
  }

  private reachedBy(replica: Replica<never>): Reached {
    const of = replica.shared ? 'shared' : replica;
    const reached = this.reached.get(of) ?? new Reached(this.log);
    this.reached.set(of, reached);
    return reached;
  }

  /** As the log says it; asked again about the same, it is what was answered before. */
  private included(position: Position): readonly Published[] {
    const view = this.log.view();
    if (this.looked?.position !== position || this.looked.view !== view)
      this.looked = { position, view, published: this.log.included(position) };
    return this.looked.published;
  }

  /** What is stored and what is there, of one moment: the answer may come when the next step has been taken. */
  private look(replica: Replica<never>, state: () => State): void {
    const { always } = this.scenario;
    const loading = replica.load();
    const seen = state();
    loading.then(
      (stored) => {
        if (this.violation !== undefined) return;
        try {
          const position = 'position' in stored ? stored.position : undefined;
          if (position !== undefined) this.reachedBy(replica).advance(position);
          always?.(seen, position === undefined ? [] : this.included(position), stored);
        } catch (error) {
          this.violate(error instanceof Error ? error.message : String(error), error);
        }
      },
      () => undefined,
    );
  }
}
