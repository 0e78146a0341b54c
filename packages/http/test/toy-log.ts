import {
  beginning,
  before,
  compareOffsets,
  decimal,
  type Description,
  following,
  type LogRecord,
  type LossReason,
  type NewRecord,
  type Offset,
  type Page,
  type PagedLog,
  type Partition,
  witnessOf,
} from '@tidemark/core';

/** A log in an array: one topic, one partition, offsets from 1. Small pages, so that reading takes several. */
export class ToyLog implements PagedLog<'orders'> {
  readonly kind = 'toy';
  readonly topics = { orders: 'y.orders' };
  readonly partition: Partition = { topic: 'y.orders', partition: '0' };
  epoch = 'e1';
  records: LogRecord[] = [];
  trimmed: Offset = beginning;
  head: Offset = beginning;
  /** What `page` throws or answers instead. */
  trouble: (() => { readonly lost: LossReason }) | undefined;
  waiting = 0;
  pages = 0;
  private wake = new AbortController();

  constructor(private readonly pageSize = 3) {}

  append(...records: readonly (Omit<LogRecord, 'offset'> | NewRecord)[]): void {
    for (const record of records) {
      this.head = this.head === beginning ? decimal(1) : following(this.head);
      this.records.push({ ...recordOf(record), offset: this.head });
    }
    this.rouse();
  }

  /** Retention: everything through this offset goes. */
  trim(through: Offset): void {
    this.trimmed = through;
    this.records = this.records.filter(({ offset }) => compareOffsets('decimal', offset, through) > 0);
    this.rouse();
  }

  /** Takes back the last record. */
  shorten(): void {
    this.records.pop();
    this.head = before(this.head);
    this.rouse();
  }

  recreate(epoch: string): void {
    this.epoch = epoch;
    [this.records, this.trimmed, this.head] = [[], beginning, beginning];
    this.rouse();
  }

  describe(): Promise<Description> {
    const { kind, partition, trimmed, head, epoch } = this;
    return Promise.resolve({
      source: { kind, order: 'decimal', cluster: 'here', epochs: { 'y.orders': epoch } },
      partitions: [{ ...partition, trimmed, head }],
    });
  }

  async page(
    { partition }: Partition,
    after: Offset,
    { wait, signal }: { readonly wait: boolean; readonly signal: AbortSignal },
  ): Promise<Page | { readonly lost: LossReason }> {
    this.pages++;
    if (this.trouble !== undefined) return this.trouble();
    if (partition !== '0') return { lost: 'unknown' };
    if (wait && after === this.head) await this.news(signal);
    if (compareOffsets('decimal', after, this.trimmed) < 0) return { lost: 'expired' };
    if (compareOffsets('decimal', after, this.head) > 0) return { lost: 'ahead' };
    const records = this.records
      .filter(({ offset }) => compareOffsets('decimal', offset, after) > 0)
      .slice(0, this.pageSize);
    const through = records.at(-1)?.offset ?? this.head;
    const at = this.records.find(({ offset }) => offset === after);
    return {
      records,
      through,
      atHead: through === this.head,
      lag: BigInt(this.records.filter(({ offset }) => compareOffsets('decimal', offset, through) > 0).length),
      epoch: this.epoch,
      witness: at === undefined ? undefined : witnessOf(at),
    };
  }

  private async news(signal: AbortSignal): Promise<void> {
    this.waiting++;
    try {
      await new Promise<void>((resolve, reject) => {
        this.wake.signal.addEventListener('abort', () => resolve(), { once: true });
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    } finally {
      this.waiting--;
    }
  }

  private rouse(): void {
    this.wake.abort();
    this.wake = new AbortController();
  }
}

function recordOf(record: Omit<LogRecord, 'offset'> | NewRecord): Omit<LogRecord, 'offset'> {
  if ('timestamp' in record) return record;
  const { key, value, headers = {} } = record;
  return {
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: new Map(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
    timestamp: 1_700_000_000_000,
  };
}

/** `count` small updates. */
export const updates = (count: number, prefix = 'k'): NewRecord[] =>
  Array.from({ length: count }, (_, i) => ({ key: `${prefix}${String(i)}`, value: JSON.stringify({ n: i }) }));
