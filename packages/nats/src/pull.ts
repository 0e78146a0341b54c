/** How a pull ends: all that was asked for has come; the server has no more; the next message doesn't fit; or nothing more can be trusted. */
export type PullEnd = 'full' | 'noMore' | 'tooBig' | 'broken';

/** A pull that is out at the server. */
export class Pull {
  readonly ended: Promise<PullEnd>;
  end: (end: PullEnd) => void = () => undefined;
  private got = 0;

  constructor(
    readonly inbox: string,
    private readonly batch: number,
    private readonly waits: boolean,
  ) {
    this.ended = new Promise((resolve) => (this.end = resolve));
  }

  /** The server has had nothing for it so far. */
  get isHeld(): boolean {
    return this.waits && this.got === 0;
  }

  /** Its first message has come. */
  get hasBegun(): boolean {
    return this.got === 1;
  }

  hasAll(): boolean {
    return ++this.got === this.batch;
  }
}
