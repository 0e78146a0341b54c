import { DatabaseSync } from '@photostructure/sqlite';
import {
  applyTo,
  type Pipeline,
  positionToJson,
  snapshotThenSubscribe,
  SyncError,
  type SyncEvent,
  translate,
  upsert,
} from '@tidemark/core';
import { httpFeed, type HttpFeedOptions, httpSnapshot, type HttpSnapshotOptions } from '@tidemark/http';
import { sqliteTable } from '@tidemark/sqlite';
import * as t from 'io-ts';
import { join } from 'node:path';
import { type MisbehavingA, type Work } from './misbehaving-a';
import { until } from '../chaos/process';

const Work = t.type({ id: t.string, n: t.number });

export interface FollowOptions {
  readonly version?: string;
  readonly snapshot?: HttpSnapshotOptions;
  readonly feed?: Partial<HttpFeedOptions<readonly ['work']>>;
}

/** What bad input leads to: the end of the pipeline, or trouble that it goes over. By the error's code. */
export type Outcome = { readonly fails: string } | { readonly trouble: string };

let files = 0;

/** Service B: a real table in a file of its own. Everything that it may spend is bounded tightly. */
export class SynchronisedB {
  private readonly db: InstanceType<typeof DatabaseSync>;
  private pipeline: Pipeline<unknown> | undefined;
  private told: SyncEvent<unknown>[] = [];
  private error: unknown;

  constructor(private readonly a: MisbehavingA) {
    this.db = new DatabaseSync(join(a.directory, `b-${files++}.db`), { timeout: 5_000 });
    this.db.exec('pragma journal_mode = wal');
  }

  private table() {
    return sqliteTable<Work>(this.db, { table: 'work', key: 'id', columns: { id: 'text', n: 'integer' } });
  }

  /** Runs a pipeline anew. */
  follow({ version = '1', snapshot, feed }: FollowOptions = {}): void {
    this.pipeline = snapshotThenSubscribe({
      name: 'work',
      version,
      snapshot: httpSnapshot(`${this.a.url}/snapshot`, {
        schema: 'work-1',
        idleMs: 300,
        limits: { maxBytes: 200_000, maxRows: 1_000, maxFrameBytes: 100_000, maxPartitions: 50 },
        ...snapshot,
      }),
      transport: httpFeed(`${this.a.url}/feed`, {
        topics: ['work'],
        describeMs: 20,
        answerMs: 300,
        liveMs: 900,
        maxBodyBytes: 100_000,
        ...feed,
      }),
      decode: { work: { row: Work, update: Work } },
      // a re-snapshot would heal what a feed's fault has to leave alone
      onMustRefetch: version === '1' ? 'fail' : 'resnapshot',
      times: { takeoverMs: 2_000, beatMs: 300, watchMs: 50, aheadMs: 100, retryMs: 50 },
    }).pipe(
      translate((m) => upsert(m.value)),
      applyTo(this.table()),
    );
    [this.told, this.error] = [[], undefined];
    this.pipeline.subscribe({
      next: (event) => this.told.push(event),
      error: (error: unknown) => {
        this.error = error;
      },
    });
  }

  async caughtUp(): Promise<void> {
    await this.pipeline?.caughtUp({ timeoutMs: 20_000 });
  }

  async stop(): Promise<void> {
    await this.pipeline?.stop();
  }

  async close(): Promise<void> {
    await this.stop().catch(() => undefined); // what it ended with is told elsewhere
    this.db.close();
  }

  /** Awaits the outcome, and nothing worse. Returns its error. */
  async meets(outcome: Outcome): Promise<SyncError> {
    await until(JSON.stringify(outcome), () => this.error !== undefined || this.outcome(outcome) !== undefined);
    const error = this.outcome(outcome);
    if (error !== undefined) return error;
    throw new Error(`instead of ${JSON.stringify(outcome)}`, { cause: this.error });
  }

  private outcome(outcome: Outcome): SyncError | undefined {
    const is = (error: unknown, code: string) => error instanceof SyncError && error.code === code;
    if ('fails' in outcome) return is(this.error, outcome.fails) ? (this.error as SyncError) : undefined;
    const troubles = this.told.flatMap((event) => (event.type === 'trouble' ? [event.error] : []));
    return troubles.find((error) => is(error, outcome.trouble)) as SyncError | undefined;
  }

  get failed(): boolean {
    return this.error !== undefined;
  }

  types(): string[] {
    return this.told.map(({ type }) => type);
  }

  /** Why snapshots were taken anew. */
  refetches(): string[] {
    return this.told.flatMap((event) => (event.type === 'mustRefetch' ? [event.reason] : []));
  }

  rows(): Work[] {
    return this.db.prepare('select id, n from work order by id').all() as Work[];
  }

  /** Everything that bad input has to leave as it was. */
  async state(): Promise<unknown> {
    const stored = await this.table().load();
    return { rows: this.rows(), position: 'position' in stored && stored.position && positionToJson(stored.position) };
  }
}
