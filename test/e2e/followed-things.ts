import { DatabaseSync } from '@photostructure/sqlite';
import {
  applyTo,
  headThenRows,
  type Locator,
  type Pipeline,
  type Publisher,
  snapshotThenSubscribe,
  type SyncEvent,
  translate,
  type Transport,
  upsert,
} from '@tidemark/core';
import { sqliteTable } from '@tidemark/sqlite';
import * as t from 'io-ts';

const Thing = t.type({ id: t.string, n: t.number });
export type Thing = t.TypeOf<typeof Thing>;

/** A log that A writes to, and that B follows. */
type ThingsLog = Transport<'things'> & Publisher<'things'> & Locator;

/** A's things, written to a log, and B's replica of them. */
export class FollowedThings {
  /** A's own state, and how often each thing has been written. */
  readonly state = new Map<string, Thing>();
  /** Called before A reads a row for a snapshot. */
  beforeRow: (index: number) => Promise<void> = () => Promise.resolve();
  private readonly db = new DatabaseSync(':memory:');

  constructor(public log: ThingsLog) {}

  close(): void {
    this.db.close();
  }

  /** One update of each of so many things; those of a topic that is gone later stay in A's state. */
  async write(from: number, to: number): Promise<void> {
    const things = Array.from({ length: to - from }, (_, i): Thing => {
      const id = `thing-${from + i}`;
      return { id, n: (this.state.get(id)?.n ?? 0) + 1 };
    });
    await this.log.publish(
      'things',
      things.map((thing) => ({ key: thing.id, value: JSON.stringify(thing) })),
    );
    for (const thing of things) this.state.set(thing.id, thing);
  }

  /** Service B, until it is stopped. */
  pipeline(): Pipeline<unknown> {
    const { log } = this;
    const table = sqliteTable<Thing>(this.db, { table: 'thing', key: 'id', columns: { id: 'text', n: 'integer' } });
    return snapshotThenSubscribe({
      name: 'things',
      snapshot: headThenRows(log, { things: () => this.rows() }),
      transport: log,
      decode: { things: { row: Thing, update: Thing } },
      times: { aheadMs: 1_000, retryMs: 200 },
    }).pipe(
      translate(({ value }) => upsert(value)),
      applyTo(table),
    );
  }

  /** Service B, once: follows until it has caught up, and stops. */
  async follow(): Promise<readonly SyncEvent<unknown>[]> {
    const told: SyncEvent<unknown>[] = [];
    const pipeline = this.pipeline();
    const subscription = pipeline.subscribe({ next: (event) => told.push(event), error: () => undefined });
    await pipeline.caughtUp();
    await pipeline.stop();
    subscription.unsubscribe();
    return told;
  }

  /** Why B needed a new snapshot when it followed. */
  async reasons(): Promise<readonly string[]> {
    return (await this.follow()).flatMap((event) => (event.type === 'mustRefetch' ? [event.reason] : []));
  }

  replica(): unknown {
    return this.db.prepare('select id, n from thing order by id').all();
  }

  expected(): readonly Thing[] {
    return [...this.state.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  private async *rows(): AsyncGenerator<Thing> {
    for (const [index, thing] of [...this.state.values()].entries()) {
      await this.beforeRow(index);
      yield thing;
    }
  }
}
