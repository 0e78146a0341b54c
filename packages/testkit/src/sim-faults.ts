import { Unavailable } from '@tidemark/core';
import { type Random } from './sim-random';

/** How likely each fault of a call is. */
export interface CallFaults {
  /** It fails, and nothing has happened. */
  readonly before: number;
  /** It has taken effect, and its answer is lost. */
  readonly after: number;
}

/** Something that can be away, and whose calls can fail. */
export class Faulty {
  private away = 0;

  constructor(
    private readonly what: string,
    private readonly random: Random,
    public faults: CallFaults,
  ) {}

  /** It is away until the answer is called. */
  outage(): () => void {
    this.away++;
    let over = false;
    return () => {
      if (!over && this.away > 0) this.away--;
      over = true;
    };
  }

  /** Nothing is wrong with it any more. */
  calmDown(): void {
    this.faults = noFaults;
    this.away = 0;
  }

  call<T>(effect: () => T | Promise<T>): T | Promise<T> {
    if (this.away > 0) throw new Unavailable(`${this.what} is away`);
    if (this.random.chance(this.faults.before)) throw new Unavailable(`${this.what} failed before it did anything`);
    const result = effect();
    if (!this.random.chance(this.faults.after)) return result;
    if (result instanceof Promise) result.catch(() => undefined);
    throw new Unavailable(`${this.what} did what was asked, and its answer was lost`);
  }
}

export const noFaults: CallFaults = { before: 0, after: 0 };
