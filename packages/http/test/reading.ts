import {
  type Delivery,
  type LogRecord,
  OffsetMap,
  type Partition,
  type Position,
  type Transport,
  type TransportEvent,
} from '@tidemark/core';
import { until } from './until';

/** One `read`, which acknowledges what comes and notes everything. */
export class Reading {
  readonly events: TransportEvent[] = [];
  error: unknown;
  private readonly stopped = new AbortController();
  private readonly done: Promise<void>;

  constructor(
    transport: Transport,
    private readonly start: Position,
    private readonly options: { readonly ack?: boolean } = {},
  ) {
    this.done = this.follow(transport).catch((error: unknown) => {
      this.error = error;
    });
  }

  get deliveries(): readonly Delivery[] {
    return this.events.filter((event): event is Delivery => event.type === 'delivery');
  }

  get records(): readonly LogRecord[] {
    return this.deliveries.flatMap(({ records }) => records);
  }

  get keys(): readonly string[] {
    return this.records.map(({ key }) => Buffer.from(key ?? []).toString());
  }

  get lost(): readonly string[] {
    return this.events.flatMap((event) => (event.type === 'lost' ? [event.reason] : []));
  }

  get troubles(): readonly string[] {
    return this.events.flatMap((event) => (event.type === 'trouble' ? [event.error.message] : []));
  }

  /** Where the last delivery of the partition ended. */
  position(partition: Partition): Position {
    const last = this.deliveries.at(-1);
    const offsets = last === undefined ? this.start.offsets : this.start.offsets.with(partition, last.through);
    return { ...this.start, offsets };
  }

  async until(condition: (reading: this) => boolean, what: string): Promise<void> {
    await until(() => this.error !== undefined || condition(this), what).catch((error: unknown) => {
      throw new Error(`${String(error)}; troubles: ${this.troubles.slice(-3).join('; ')}; lost: ${this.lost.join()}`);
    });
    if (this.error !== undefined && !condition(this)) throw this.error;
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private async follow(transport: Transport): Promise<void> {
    for await (const event of transport.read(() => Promise.resolve(this.start), this.stopped.signal)) {
      this.events.push(event);
      if (event.type === 'delivery' && this.options.ack !== false) event.ack();
    }
  }
}

/** The position before everything. */
export async function fromBeginning(transport: Transport): Promise<Position> {
  const source = await transport.identify(AbortSignal.timeout(10_000));
  return { source, offsets: OffsetMap.empty(source.order) };
}
