import { asSyncCode, asSyncText, mayEndWith } from './sim-ends';
import { type SimHost } from './sim-host';
import { type Simulated, type SimulatedInstance, type SimWorld } from './sim-world';

/** A place where one process after the other runs the pipeline, as an orchestrator has it. */
export class SimSlot<Topic extends string, State> {
  host: SimHost | undefined;
  version = '';
  /** `live` and the like; `''`: nothing runs. */
  status = '';
  private generation = 0;
  private running: Simulated<State> | undefined;
  private stopping = false;

  constructor(
    readonly name: string,
    private readonly world: SimWorld<Topic, State>,
    private readonly begin: (instance: SimulatedInstance<Topic>) => Simulated<State>,
  ) {}

  get runs(): boolean {
    return this.host !== undefined;
  }

  /** It follows the log, and will go on. */
  get live(): boolean {
    return this.status === 'live' && !this.stopping;
  }

  get pipeline() {
    return this.running?.pipeline;
  }

  state(): State {
    if (this.running === undefined) throw new Error(`${this.name} doesn't run`);
    return this.running.state();
  }

  start(version: string): void {
    const host = this.world.host(`${this.name}.${++this.generation}`);
    this.host = host;
    this.version = version;
    this.stopping = false;
    this.world.note(`${host.name} starts`, `version ${version}`);
    const running = this.begin(this.world.instance(host, version, () => running.state()));
    this.running = running;
    const { pipeline } = running;
    pipeline.status$.subscribe((status) => {
      if (this.host === host) this.status = status;
    });
    pipeline.run().then(
      () => {
        this.ended(host, undefined);
      },
      (error: unknown) => {
        this.ended(host, error);
      },
    );
  }

  kill(): void {
    this.world.note(`${this.host?.name ?? ''} dies`);
    this.host?.kill();
    this.vacate();
  }

  /** In order, within the pipeline's own deadline. */
  stop(): void {
    const { host, running } = this;
    if (host === undefined || running === undefined || this.stopping) return;
    this.stopping = true;
    this.world.note(`${host.name} is asked to stop`);
    running.pipeline.stop().then(
      () => {
        if (this.host !== host) return;
        host.kill();
        this.vacate();
      },
      (error: unknown) => {
        if (this.host === host) this.ended(host, error);
      },
    );
  }

  private ended(host: SimHost, error: unknown): void {
    if (this.host !== host) return;
    if (error === undefined && this.stopping) return; // `stop` says when everything is released
    this.world.note(`${host.name} ends`, asSyncCode(error));
    if (!mayEndWith(error, this.world.plan.faults))
      this.world.violate(
        error === undefined ? `${host.name} ended by itself` : `${host.name} failed: ${asSyncText(error)}`,
        error,
      );
    host.kill();
    this.vacate();
  }

  private vacate(): void {
    this.host = undefined;
    this.running = undefined;
    this.status = '';
  }
}
