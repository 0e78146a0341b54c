import {
  beginning,
  decimal,
  type LogRecord,
  OffsetMap,
  type PagedLog,
  pagedTransport,
  type Partition,
  type Position,
  type Snapshot,
  type SnapshotSource,
  type Source,
  type Offset,
  compareOffsets,
  witnessOf,
} from '@tidemark/core';

/** A log whose every fault is at hand, for tests of the pipeline. Offsets are decimal, from 0; topic `things` is `toy.things`. */
export class ToyLog implements PagedLog<'things'> {
  readonly kind = 'toy';
  readonly topics = { things: 'toy.things' };
  epoch = 1;
  cluster = 'toy-1';
  /** What records are dated with. */
  clock = () => 0;
  /** Told, and enforced by nobody. */
  retentionMs: number | undefined;
  /** Set to make every call fail. */
  down: Error | undefined;
  private records: LogRecord[][];
  private trimmed: Offset[];
  private next: number[];

  constructor(readonly partitions: number) {
    this.records = Array.from({ length: partitions }, () => []);
    this.trimmed = Array.from({ length: partitions }, () => beginning);
    this.next = Array.from({ length: partitions }, () => 0);
  }

  transport() {
    return pagedTransport(this, { pollMs: 1, describeMs: 5 });
  }

  append(partition: number, value: unknown): void {
    const offset = decimal(this.next[partition]!++);
    const bytes = value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    const timestamp = this.clock();
    this.records[partition]!.push({ key: Buffer.from('k'), value: bytes, headers: new Map(), timestamp, offset });
  }

  /** Retention: keeps the last `keep` records. */
  trim(partition: number, keep: number): void {
    const gone = this.records[partition]!.splice(0, Math.max(0, this.records[partition]!.length - keep));
    this.trimmed[partition] = gone.at(-1)?.offset ?? this.trimmed[partition]!;
  }

  /** The topic is deleted and created again. */
  recreate(): void {
    this.epoch++;
    this.records = this.records.map(() => []);
    this.trimmed = this.trimmed.map(() => beginning);
    this.next = this.next.map(() => 0);
  }

  /** The last `n` records of a partition are lost, without a trace. */
  shorten(partition: number, n: number): void {
    this.records[partition]!.splice(-n, n);
    this.next[partition]! -= n;
  }

  source(): Source {
    return { kind: this.kind, order: 'decimal', cluster: this.cluster, epochs: { 'toy.things': String(this.epoch) } };
  }

  head(): Position {
    const entries = this.records.map((records, p) => {
      const last = records.at(-1);
      const through = last?.offset ?? this.trimmed[p]!;
      return { topic: 'toy.things', partition: String(p), through, witness: last && witnessOf(last) };
    });
    return { source: this.source(), offsets: OffsetMap.from('decimal', entries) };
  }

  async describe() {
    if (this.down) throw this.down;
    const { offsets } = this.head();
    const partitions = [...offsets].map(({ topic, partition, through }) => ({
      topic,
      partition,
      head: through,
      trimmed: this.trimmed[Number(partition)]!,
      retentionMs: this.retentionMs,
    }));
    return { source: this.source(), partitions };
  }

  async page({ partition }: Partition, after: Offset) {
    if (this.down) throw this.down;
    const p = Number(partition);
    if (compareOffsets('decimal', after, this.trimmed[p]!) < 0) return { lost: 'expired' as const };
    if (after !== beginning && Number(after) >= this.next[p]!) return { lost: 'ahead' as const };
    const all = this.records[p]!;
    // offsets follow each other without gaps
    const from = after === beginning ? 0 : Number(after) + 1 - Number(all[0]?.offset ?? 0);
    const at = all[from - 1];
    const records = all.slice(Math.max(0, from), from + 3);
    return {
      records,
      through: records.at(-1)?.offset ?? after,
      atHead: from + records.length >= all.length,
      epoch: String(this.epoch),
      witness: at && witnessOf(at),
    };
  }

  /** The sum of a partition's values per key: what a correct replica holds. Rows are taken as of now. */
  snapshot(rows: () => readonly unknown[]): SnapshotSource {
    return {
      open: async ({ scope, signal }): Promise<Snapshot> => {
        signal.throwIfAborted();
        const position = this.head();
        const taken = [...rows()];
        return {
          id: `s${Math.random()}`,
          position,
          scope,
          chunks: (async function* () {
            for (let i = 0; i < taken.length; i += 2) yield { rows: taken.slice(i, i + 2) };
          })(),
        };
      },
    };
  }
}
