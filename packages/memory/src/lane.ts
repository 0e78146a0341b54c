import {
  beginning,
  compareOffsets,
  decimal,
  following,
  type LogRecord,
  type LossReason,
  type Mark,
  type Offset,
  orAborted,
  type Page,
  witnessOf,
} from '@tidemark/core';

/** A record that has no place yet. */
export type Unplaced = Omit<LogRecord, 'offset'>;

/** What one page holds at most. */
const pageBytes = 1024 * 1024;
const pageRecords = 10_000;

/** One partition: its records, oldest first, each stored once. */
export class Lane {
  /** The last record that retention has removed. */
  trimmed: Offset = beginning;
  /** The last offset given, to a record or to a gap. */
  head: Offset = beginning;
  private records: LogRecord[] = [];
  private readonly waiting = new Set<() => void>();

  /** `keep`: how many records retention leaves; all of them unless given. */
  constructor(private readonly keep = Infinity) {}

  get size(): number {
    return this.records.length;
  }

  append(unplaced: readonly Unplaced[]): void {
    let next = BigInt(following(this.head));
    for (const { key, value, headers, timestamp } of unplaced)
      this.records.push({ key, value, headers, timestamp, offset: decimal(next++) });
    this.head = this.records.at(-1)?.offset ?? this.head;
    if (this.records.length > this.keep) this.removeFirst(this.records.length - this.keep);
    this.wake();
  }

  /** Offsets that no record has: control records, aborted transactions. */
  gap(count: number): void {
    if (count === 0) return;
    this.head = decimal(BigInt(following(this.head)) + BigInt(count - 1));
    this.wake();
  }

  /** Removes the records below `before`, or all of them. */
  trim(before: Offset | undefined): void {
    if (before === undefined || compareOffsets('decimal', following(this.head), before) <= 0) {
      this.records = [];
      this.trimmed = this.head;
    } else {
      const kept = this.records.findIndex(({ offset }) => compareOffsets('decimal', offset, before) >= 0);
      this.removeFirst(kept < 0 ? this.records.length : kept);
    }
    this.wake();
  }

  /** Removes the oldest records, up to the first that is dated `time` or later. */
  expire(time: number): void {
    if ((this.records[0]?.timestamp ?? Infinity) >= time) return;
    const kept = this.records.findIndex(({ timestamp }) => timestamp >= time);
    this.removeFirst(kept < 0 ? this.records.length : kept);
    this.wake();
  }

  /** Takes the last `count` records back: the log becomes shorter, and their offsets will be given again. */
  truncate(count: number): void {
    const kept = Math.max(0, this.records.length - count);
    if (kept === this.records.length) return;
    this.records.length = kept;
    this.head = this.records.at(-1)?.offset ?? this.trimmed;
    this.wake();
  }

  /** Leaves only the last record of each key. */
  compact(): void {
    const last = new Map(this.records.map(({ key, offset }) => [nameOf(key), offset]));
    this.records = this.records.filter(({ key, offset }) => key === null || last.get(nameOf(key)) === offset);
  }

  /** The records after `after`, up to the page's limits. */
  page(after: Offset): Page | { readonly lost: LossReason } {
    if (compareOffsets('decimal', after, this.trimmed) < 0) return { lost: 'expired' };
    if (compareOffsets('decimal', after, this.head) > 0) return { lost: 'ahead' };
    const from = this.indexAfter(after);
    const to = this.pageEnd(from);
    const atHead = to === this.records.length;
    return {
      records: this.records.slice(from, to),
      through: atHead ? this.head : (this.records[to - 1]?.offset ?? after),
      atHead,
      lag: BigInt(this.records.length - to),
      witness: witnessAt(this.records[from - 1], after),
    };
  }

  /** The mark that the `count` newest records come after. */
  markBeforeLast(count: number): Mark {
    return this.markAt(Math.max(0, this.records.length - count));
  }

  /** The mark that every record dated `time` or later comes after, in milliseconds since the epoch. */
  markBeforeTime(time: number): Mark {
    const index = this.records.findIndex(({ timestamp }) => timestamp >= time);
    return this.markAt(index < 0 ? this.records.length : index);
  }

  /** Resolves at the next change of this partition. */
  async changed(signal: AbortSignal): Promise<void> {
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    this.waiting.add(wake);
    try {
      await orAborted(woken, signal);
    } finally {
      this.waiting.delete(wake);
    }
  }

  wake(): void {
    for (const wake of this.waiting) wake();
  }

  /** The mark before the record at `index`: `head` where there is none, `trimmed` before the first. */
  private markAt(index: number): Mark {
    const record = this.records[index - 1];
    const through = index === this.records.length ? this.head : (record?.offset ?? this.trimmed);
    return { through, witness: witnessAt(record, through) };
  }

  private removeFirst(count: number): void {
    this.trimmed = this.records[count - 1]?.offset ?? this.trimmed;
    this.records.splice(0, count);
  }

  private indexAfter(after: Offset): number {
    let [low, high] = [0, this.records.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const offset = this.records[middle]?.offset ?? after;
      if (compareOffsets('decimal', offset, after) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private pageEnd(from: number): number {
    const most = Math.min(this.records.length, from + pageRecords);
    let bytes = 0;
    let to = from;
    while (to < most && bytes < pageBytes) {
      const record = this.records[to++];
      bytes += (record?.key?.length ?? 0) + (record?.value?.length ?? 0);
    }
    return to;
  }
}

const witnessAt = (record: LogRecord | undefined, offset: Offset): string | undefined =>
  record?.offset === offset ? witnessOf(record) : undefined;

const nameOf = (key: Uint8Array | null): string | null => key && Buffer.from(key).toString('latin1');
