import { orAborted } from './abort';

/** What a page that is being fetched counts for, in bytes, until it is there. */
const expectedPage = 1024 * 1024;

/** Bytes that are out or on their way, all partitions together. A page is let in while there is any room, whatever its size. */
export class Budget {
  private used = 0;
  /** Who comes first is let in first. */
  private readonly waiting = new Set<() => void>();

  constructor(private readonly max: number) {}

  /** A place for one page; `settle` follows. */
  async reserve(signal: AbortSignal): Promise<void> {
    if (this.take(expectedPage)) return;
    let letIn: () => void = () => undefined;
    const room = new Promise<void>((resolve) => (letIn = resolve));
    this.waiting.add(letIn);
    try {
      await orAborted(room, signal);
    } catch (error) {
      if (!this.waiting.delete(letIn)) this.settle(0); // it had been let in already
      throw error;
    }
  }

  /** A reserved page has come: it has so many bytes. */
  settle(bytes: number): void {
    this.used += bytes;
    this.give(expectedPage);
  }

  /** False: there is no room, or others wait for it. Nothing needs none. */
  take(bytes: number): boolean {
    if (bytes > 0 && (this.used >= this.max || this.waiting.size > 0)) return false;
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
    for (const letIn of this.waiting) {
      if (this.used >= this.max) return;
      this.waiting.delete(letIn);
      this.used += expectedPage;
      letIn();
    }
  }
}
