import { setImmediate as immediate } from 'node:timers/promises';
import { type Runtime } from './runtime';

/** How long work may go on before timers and sockets get a turn, in milliseconds. */
const spell = 15;

/**
 * Lets the rest of the process have a turn. A log and a replica that answer at once (SQLite, memory) keep a backlog going in
 * microtasks alone: heartbeats, requests and signals would wait until it is through.
 */
export class Breather {
  private since: number;

  constructor(private readonly runtime: Runtime) {
    this.since = runtime.now();
  }

  /** A promise where it is time for a break. */
  pause(): Promise<void> | undefined {
    if (this.runtime.now() - this.since < spell) return undefined;
    return immediate().then(() => {
      this.since = this.runtime.now();
    });
  }
}
