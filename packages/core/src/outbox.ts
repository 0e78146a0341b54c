import { type SyncEvent } from './sync-event';

/** Takes an event; a promise means: not ready for the next one before it settles. */
export type Emit<M> = (event: SyncEvent<M>) => Promise<void> | undefined;

/** Hands events on one after the other, in order, waiting for whoever isn't ready. Synchronous while everybody is. */
export class Outbox<M> {
  private tail: Promise<void> | undefined;

  constructor(private readonly emit: Emit<M>) {}

  /** A promise where somebody has to be waited for. */
  send(event: SyncEvent<M>): Promise<void> | undefined {
    const sent = this.tail === undefined ? this.emit(event) : this.tail.then(() => this.emit(event));
    if (sent === undefined) return undefined;
    const tail: Promise<void> = sent.finally(() => {
      if (this.tail === tail) this.tail = undefined;
    });
    this.tail = tail;
    return tail;
  }
}
