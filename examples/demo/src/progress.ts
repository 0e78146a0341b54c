/** Tells how it goes: one line that is written over on a terminal, otherwise a line now and then. */
export class Progress {
  private shown = -Infinity;
  private open = false;

  constructor(private readonly out: NodeJS.WriteStream) {}

  /** Something happened that stays to be read. */
  tell(text: string): void {
    this.clear();
    this.out.write(`${text}\n`);
  }

  /** How it stands now. */
  update(text: () => string): void {
    const now = performance.now();
    if (now - this.shown < (this.out.isTTY ? 80 : 2000)) return;
    this.shown = now;
    if (this.out.isTTY) {
      this.out.write(`\r\u001b[2K${text().slice(0, this.out.columns - 1)}`);
      this.open = true;
    } else this.out.write(`${text()}\n`);
  }

  clear(): void {
    if (this.open) this.out.write('\r\u001b[2K');
    this.open = false;
  }
}
