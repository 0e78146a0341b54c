import { setImmediate as immediate } from 'node:timers/promises';
import { type Random } from './sim-random';
import { type Trace } from './sim-trace';

/** Whose steps they are: whether they may be taken now. */
export interface Owner {
  readonly name: string;
  readonly state: 'running' | 'frozen' | 'dead';
}

/** Something that waits to happen. */
interface Pending {
  readonly owner: Owner;
  /** An answer, or what was asked for only after its owner froze: nothing that others could do for it. */
  readonly needsOwner: boolean;
  readonly take: () => void;
}

interface Timer {
  readonly owner: Owner;
  readonly at: number;
  readonly ring: () => void;
}

export interface Pace {
  /** How likely an answer is under way for a while after the effect. */
  readonly slowAnswers: number;
  /** How likely time passes although something could be done at once. */
  readonly leaps: number;
}

/** How often the real event loop gets a turn: core lets others have one where much virtual time has passed. */
const turnsBetweenImmediates = 16;

/** One thread of chance and one clock for everything that waits. */
export class Scheduler {
  now = 0;
  turns = 0;
  private pending: Pending[] = [];
  private timers: Timer[] = [];

  constructor(
    readonly random: Random,
    readonly trace: Trace,
    public pace: Pace,
  ) {}

  /** Resolves with what `effect` answers, whenever chance takes the step. Nothing of a dead owner resolves. */
  step<T>(owner: Owner, label: string, effect: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (owner.state === 'dead') return;
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      let current: Pending;
      const onAbort = () => {
        this.remove(current);
        reject(signal?.reason);
      };
      const wait = (needsOwner: boolean, take: () => void) => {
        current = { owner, needsOwner, take };
        this.pending.push(current);
      };
      const answer = (settle: () => void) => {
        const deliver = () => {
          signal?.removeEventListener('abort', onAbort);
          settle();
        };
        if (owner.state === 'running' && !this.random.chance(this.pace.slowAnswers)) deliver();
        else
          wait(true, () => {
            this.trace.note(this.now, owner.name, label, 'answered');
            deliver();
          });
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      wait(owner.state === 'frozen', () => {
        let result: T | Promise<T>;
        try {
          result = effect();
        } catch (error) {
          this.trace.note(this.now, owner.name, label, nameOf(error));
          answer(() => {
            reject(error);
          });
          return;
        }
        this.trace.note(this.now, owner.name, label);
        if (result instanceof Promise) result.catch(() => undefined); // nobody may be there any more to hear of it
        answer(() => {
          resolve(result);
        });
      });
    });
  }

  sleep(owner: Owner, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (owner.state === 'dead') return;
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        this.timers = this.timers.filter((other) => other !== timer);
        reject(signal?.reason);
      };
      const ring = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const timer: Timer = { owner, at: this.now + Math.max(0, ms), ring };
      this.timers.push(timer);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The owner has died: what it has asked for takes effect with this chance, unseen by anybody; the rest is gone. */
  forget(owner: Owner, chance: number): void {
    const left = this.pending.filter((one) => one.owner === owner && !one.needsOwner);
    this.pending = this.pending.filter((one) => one.owner !== owner);
    this.timers = this.timers.filter((one) => one.owner !== owner);
    for (const { take } of left) if (this.random.chance(chance)) take();
    this.pending = this.pending.filter((one) => one.owner !== owner);
  }

  /**
   * Takes one step, or lets time pass until the next timer, and resolves when what follows from it is through. False: nothing can
   * happen any more.
   */
  turn(): Promise<boolean> {
    this.turns++;
    return this.move() ? this.settled() : this.movedLater();
  }

  private settled(): Promise<boolean> {
    return this.turns % turnsBetweenImmediates === 0 ? immediate(true) : quiet(true);
  }

  private async movedLater(): Promise<boolean> {
    await immediate();
    const moved = this.move();
    await this.settled();
    return moved;
  }

  private move(): boolean {
    const timer = this.nextTimer();
    const step = this.pick();
    if (timer !== undefined && (step === undefined || this.ringsFirst(timer))) {
      this.timers.splice(this.timers.indexOf(timer), 1);
      this.now = Math.max(this.now, timer.at);
      timer.ring();
      return true;
    }
    if (step === undefined) return false;
    this.now += this.random.below(3);
    this.remove(step);
    step.take();
    return true;
  }

  /** One of what may be taken: what was asked for before its owner froze may take effect; its answer waits. */
  private pick(): Pending | undefined {
    const { pending } = this;
    let ready = 0;
    for (const one of pending) if (isReady(one)) ready++;
    let left = this.random.below(ready);
    for (const one of pending) if (isReady(one) && left-- === 0) return one;
    return undefined;
  }

  private ringsFirst({ at }: Timer): boolean {
    return this.random.chance(at <= this.now ? 0.5 : this.pace.leaps);
  }

  private nextTimer(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers)
      if (timer.owner.state === 'running' && (first === undefined || timer.at < first.at)) first = timer;
    return first;
  }

  private remove(step: Pending): void {
    const index = this.pending.indexOf(step);
    if (index >= 0) this.pending.splice(index, 1);
  }
}

/** Resolves when no promise has anything more to do: Node looks at its ticks only then. */
export const quiet = <T>(then: T): Promise<T> =>
  new Promise((resolve) => {
    process.nextTick(resolve, then);
  });

const isReady = ({ owner, needsOwner }: Pending): boolean => owner.state === 'running' || !needsOwner;

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : String(error));
