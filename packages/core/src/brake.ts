import { orAborted } from './abort';

/** Why the stream is withheld: this handle was paused, or the replica says that the pipeline is (`Stored.paused`). */
export class Brake {
  private own = false;
  private stored = false;
  private writes = 0;
  private waiting: (() => void)[] = [];

  get on(): boolean {
    return this.own || this.stored;
  }

  /** To be taken before the replica is loaded, for `heed`. */
  get moment(): number {
    return this.writes;
  }

  /** This handle was paused, or resumed. */
  pull(on: boolean): void {
    this.own = on;
    this.settle();
  }

  /** This handle has stored it: what was being loaded meanwhile says nothing any more. */
  stores(on: boolean): void {
    this.writes++;
    this.stored = on;
    this.settle();
  }

  /** What a load told that began at this moment. Answers whether it was news. */
  heed(on: boolean, moment: number): boolean {
    if (moment !== this.writes || on === this.stored) return false;
    this.stored = on;
    this.settle();
    return true;
  }

  /** Resolves once it is off. */
  async released(signal: AbortSignal): Promise<void> {
    while (this.on) await orAborted(new Promise<void>((wake) => this.waiting.push(wake)), signal);
  }

  private settle(): void {
    if (this.on) return;
    for (const wake of this.waiting.splice(0)) wake();
  }
}
