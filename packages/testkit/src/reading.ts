import {
  beginning,
  compareOffsets,
  type Delivery,
  type LogRecord,
  type Offset,
  type Partition,
  partitionKey,
  type Position,
  showPartition,
  type Start,
  type Transport,
  type TransportEvent,
  TransportFault,
} from '@tidemark/core';
import { eventually, within } from './eventually';

export interface FollowOptions<T extends string> {
  /** Where to begin: a position, or what to answer when the transport asks. */
  readonly from: Position | Start;
  /** Called with each delivery; acknowledges at once unless given. */
  readonly onDelivery?: ((delivery: Delivery<T>) => void) | undefined;
}

/** Reads a transport as core does (one `next()` always pending) and checks the port's promises on every event. */
export const follow = <T extends string>(transport: Transport<T>, options: FollowOptions<T>): Reading<T> =>
  new Reading(transport, options);

/** A running read, and everything it has handed over so far. */
export class Reading<T extends string> {
  readonly events: TransportEvent<T>[] = [];
  readonly deliveries: Delivery<T>[] = [];
  /** The partitions of each call of `start`. */
  readonly starts: (readonly Partition[])[] = [];
  private readonly cursors = new Map<string, Cursor>();
  private readonly stopping = new AbortController();
  private readonly loop: Promise<void>;
  private failure: { readonly error: unknown } | undefined;
  private ended = false;
  /** Events after the abort; one may have been under way. */
  private late = 0;

  constructor(
    private readonly transport: Transport<T>,
    private readonly options: FollowOptions<T>,
  ) {
    this.loop = this.run();
    this.loop.catch((error: unknown) => (this.failure = { error }));
  }

  /** Everything handed over so far, in the order of arrival. */
  get records(): readonly LogRecord[] {
    return this.deliveries.flatMap((delivery) => delivery.records);
  }

  /** The values of all records as text; a tombstone is `null`. */
  get values(): readonly (string | null)[] {
    return this.records.map(({ value }) => (value === null ? null : Buffer.from(value).toString('utf8')));
  }

  /** The partitions that this reader has now. */
  get partitions(): readonly Partition[] {
    return [...this.cursors.values()].map((cursor) => cursor.partition);
  }

  /** `base` plus everything handed over so far. */
  position(base: Position): Position {
    const offsets = this.deliveries.reduce((map, { partition, through }) => map.with(partition, through), base.offsets);
    return { source: base.source, offsets };
  }

  /** Every partition has been handed over up to its head. */
  get atHead(): boolean {
    const cursors = [...this.cursors.values()];
    return cursors.length > 0 && cursors.every((cursor) => cursor.atHead);
  }

  of(partition: Partition): readonly Delivery<T>[] {
    return this.deliveries.filter((delivery) => partitionKey(delivery.partition) === partitionKey(partition));
  }

  lost(): readonly Extract<TransportEvent<T>, { type: 'lost' }>[] {
    return this.events.filter((event) => event.type === 'lost');
  }

  /** Waits for a condition; rejects with the transport's error, or a broken promise of the port, as soon as there is one. */
  async until(condition: (reading: this) => boolean, what: string, deadlineMs?: number): Promise<void> {
    await eventually(
      () => {
        if (this.failure !== undefined) throw this.failure.error;
        if (condition(this)) return true;
        if (this.ended) throw new TransportFault(`the transport ended by itself while waiting for: ${what}`);
        return false;
      },
      what,
      deadlineMs,
    );
  }

  /** Aborts and waits for the end, which must be a normal one. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await within(this.loop, 'the end of the iteration after an abort');
  }

  /** The error that ended the iteration; rejects if it ended normally. */
  async thrown(): Promise<unknown> {
    return within(
      this.loop.then(
        () => Promise.reject(new TransportFault('the iteration ended without an error')),
        (error: unknown) => error,
      ),
      'an error out of the iteration',
    );
  }

  private async run(): Promise<void> {
    for await (const event of this.transport.read((assigned) => this.start(assigned), this.stopping.signal)) {
      if (!this.stopping.signal.aborted) this.take(event);
      else if (this.late++ > 0) throw new TransportFault(`a ${event.type} came after the abort`);
    }
    if (!this.stopping.signal.aborted) this.ended = true;
  }

  private async start(assigned: readonly Partition[]): Promise<Position> {
    this.starts.push(assigned);
    const { from } = this.options;
    const position = typeof from === 'function' ? await from(assigned) : from;
    for (const partition of assigned) {
      const at = position.offsets.through(partition);
      this.cursors.set(partitionKey(partition), { partition, at, order: position.source.order, out: false });
    }
    return position;
  }

  private take(event: TransportEvent<T>): void {
    if (event.type === 'delivery') {
      const delivery = this.checked(event);
      this.events.push(delivery);
      this.deliveries.push(delivery);
      if (this.options.onDelivery === undefined) delivery.ack();
      else this.options.onDelivery(delivery);
      return;
    }
    this.events.push(event);
    if (event.type === 'revoked')
      for (const partition of event.partitions) this.cursors.delete(partitionKey(partition));
    if (event.type === 'lost') {
      const cursor = this.cursors.get(partitionKey(event.partition));
      if (cursor !== undefined) cursor.atHead = false;
    }
  }

  /** The delivery, once it has been seen to chain, to be in order, and to be the only one out of its partition. */
  private checked(event: Delivery<T>): Delivery<T> {
    const { type, topic, partition, after, through, records, atHead, lag } = event;
    const where = showPartition(partition);
    const cursor = this.cursors.get(partitionKey(partition));
    if (cursor === undefined) throw new TransportFault(`${where}: a delivery of a partition that isn't assigned`);
    if (logTopic(this.transport, topic) !== partition.topic)
      throw new TransportFault(`${where}: the delivery names topic ${topic}, which has another name in the log`);
    if (cursor.out) throw new TransportFault(`${where}: a delivery while the one before isn't acknowledged`);
    if (after !== cursor.at) throw new TransportFault(`${where}: expected a delivery after ${cursor.at}, got ${after}`);
    checkOrder(cursor, through.through, records, where);
    Object.assign(cursor, { at: through.through, out: true, atHead });
    const ack = () => {
      cursor.out = false;
      event.ack();
    };
    const restart = () => {
      cursor.atHead = false;
      event.restart();
    };
    return { type, topic, partition, after, through, records, atHead, lag, ack, restart };
  }
}

/** The log's own name of an application's topic. */
export const logTopic = <T extends string>({ topics }: Transport<T>, topic: T): string | undefined =>
  new Map(Object.entries<string>(topics)).get(topic);

interface Cursor {
  readonly partition: Partition;
  readonly order: 'decimal' | 'lexical';
  at: Offset;
  out: boolean;
  atHead?: boolean;
}

/** Records ascend from `after` to `through`; those that the log addresses together share an offset. */
function checkOrder(cursor: Cursor, through: Offset, records: readonly LogRecord[], where: string): void {
  let last = cursor.at;
  for (const [index, { offset }] of records.entries()) {
    const step = compareOffsets(cursor.order, last, offset);
    if (step > 0 || (step === 0 && (index === 0 || offset === beginning)))
      throw new TransportFault(`${where}: record ${offset} came after ${last}`);
    last = offset;
  }
  if (compareOffsets(cursor.order, last, through) > 0)
    throw new TransportFault(`${where}: the delivery holds ${last} and says that it ends at ${through}`);
}
