import { type Runtime } from '@tidemark/core';
import { type Owner, type Scheduler } from './sim-scheduler';

/** One process of the simulated world, from its start until it dies. */
export class SimHost implements Owner {
  state: 'running' | 'frozen' | 'dead' = 'running';
  readonly runtime: Runtime;

  constructor(
    readonly name: string,
    private readonly scheduler: Scheduler,
  ) {
    this.runtime = {
      now: () => scheduler.now,
      wallClock: () => epoch + scheduler.now,
      random: scheduler.random.next,
      sleep: (ms, signal) => scheduler.sleep(this, ms, signal),
    };
  }

  /** A sleep that nobody ends sooner. */
  sleep(ms: number): Promise<void> {
    return this.scheduler.sleep(this, ms);
  }

  /** Something that touches the outside: `effect` runs at once and as a whole, when chance says so. */
  step<T>(label: string, effect: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.scheduler.step(this, label, effect, signal);
  }

  /** It stands still, as under SIGSTOP: what it has asked for may take effect, nothing reaches it. */
  freeze(): void {
    if (this.state === 'running') this.state = 'frozen';
  }

  thaw(): void {
    if (this.state === 'frozen') this.state = 'running';
  }

  /** As by SIGKILL. What was under way has taken effect, or not. */
  kill(): void {
    if (this.state === 'dead') return;
    this.state = 'dead';
    this.scheduler.forget(this, 0.5);
  }
}

/** When simulated time begins, in milliseconds since the Unix epoch. */
const epoch = Date.UTC(2026, 0, 1);
