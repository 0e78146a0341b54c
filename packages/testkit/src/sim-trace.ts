/** One thing that happened in a run. */
interface Happened {
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly how: string;
}

/** What happened in a run: the last part of it in words, all of it as a hash. */
export class Trace {
  private readonly ring: Happened[] = [];
  private count = 0;
  private sum = 0x811c9dc5;

  constructor(private readonly kept: number) {}

  note(at: number, who: string, what: string, how = ''): void {
    this.ring[this.count++ % this.kept] = { at, who, what, how };
    this.mix(who);
    this.mix(what);
    this.mix(how);
    this.sum = Math.imul(this.sum ^ Math.floor(at), 0x01000193);
  }

  /** Equal for equal runs. */
  get hash(): string {
    return `${this.count}-${(this.sum >>> 0).toString(16)}`;
  }

  get length(): number {
    return this.count;
  }

  /** The last things that happened, the latest at the end: `time who what → outcome`. */
  lines(): readonly string[] {
    const from = Math.max(0, this.count - this.kept);
    return Array.from({ length: this.count - from }, (_, i) => {
      const { at, who, what, how } = this.ring[(from + i) % this.kept] as Happened;
      return `${(at / 1000).toFixed(3).padStart(9)} s  ${who.padEnd(6)} ${what}${how === '' ? '' : ` → ${how}`}`;
    });
  }

  private mix(text: string): void {
    let { sum } = this;
    for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
    this.sum = Math.imul(sum ^ text.length, 0x01000193);
  }
}
