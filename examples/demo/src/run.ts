import { comparePositions, fromToken, type Position } from '@tidemark/core';
import { Follower } from './follower';
import { type Crash, type Plan, planOf } from './plan';
import { recordsThrough } from './positions';
import { type Progress } from './progress';
import { Source } from './source';
import { type Workload, type World } from './world';

/** Something went otherwise than it must. */
class DemoFailed extends Error {
  override readonly name = 'DemoFailed';
}

/** What a run has come to. */
export interface Outcome {
  readonly updates: number;
  readonly restarts: number;
  readonly position: Position;
}

/**
 * The story: the source is written to while the follower bootstraps, follows, is killed, comes back; is dead once for so long
 * that the log is trimmed past it; and catches up in the end. Both stop cleanly then.
 */
export class Run {
  private readonly source: Source;
  private readonly lives: Follower[] = [];
  private url = '';
  private written = 0;
  private total = 0;
  private reached: { readonly at: number; readonly tell: () => void } | undefined;

  constructor(
    private readonly world: World,
    private readonly options: { readonly kills: number; readonly random: () => number },
    private readonly progress: Progress,
  ) {
    this.source = new Source(world);
  }

  async play(): Promise<Outcome> {
    const running = await this.source.running();
    this.url = running.url;
    const workload = this.world.workload(running);
    this.total = workload.total;
    if (this.total === 0) throw new DemoFailed(`${this.world.what}: there are no changes to replay`);
    const plan = planOf(this.total, workload.initial, this.options.kills, this.options.random);
    await this.write(workload, plan.initial);
    this.progress.tell(`the source holds ${count(this.written, 'update')} of ${this.world.what}; the follower starts`);
    await this.bootstrap(plan.killInFirstSnapshot, this.write(workload, plan.bootstrapThrough));
    for (const crash of plan.crashes) await this.crash(crash, workload, plan);
    await this.write(workload, this.total);
    const head = await this.source.head();
    await this.follower.reached(head);
    await this.follower.stop();
    await this.source.stop();
    this.requireEnd(head);
    return { updates: this.written, restarts: this.lives.length - 1, position: head };
  }

  /** Ends both processes at once. */
  async abandon(): Promise<void> {
    await Promise.all([this.source, ...this.lives].map((one) => one.kill()));
  }

  private get follower(): Follower {
    const follower = this.lives.at(-1);
    if (follower === undefined) throw new DemoFailed('the follower was never started');
    return follower;
  }

  private start(): void {
    this.lives.push(new Follower(this.world, this.url, () => this.show()));
  }

  private async crash(crash: Crash, workload: Workload, plan: Plan): Promise<void> {
    const target = crash.kind === 'crash' ? crash.through : crash.at;
    const applied = target > this.written ? this.follower.applied() : undefined;
    const reached = this.reach(crash.at);
    const writing = this.write(workload, target);
    await Promise.all([Promise.race([reached, writing]), applied]);
    await this.follower.kill();
    if (crash.kind === 'crash') {
      this.tellKilled('while it followed');
      this.start();
      await writing;
    } else {
      await writing;
      await this.outage(crash, workload, plan);
    }
    await this.follower.following();
    if (crash.kind === 'crash' && this.follower.snapshots.begun > 0)
      throw new DemoFailed('the follower took a snapshot where it should have resumed from its position');
  }

  private async outage(crash: Crash, workload: Workload, plan: Plan): Promise<void> {
    const before = this.written;
    await this.write(workload, Math.max(crash.through, before + 1));
    if (this.written === before) throw new DemoFailed('nothing was left to be written while the follower was dead');
    await this.trim();
    this.tellKilled(`for long: ${count(this.written - before, 'update')} written, the log trimmed past its position`);
    await this.bootstrap(plan.killInSecondSnapshot, this.write(workload, crash.backThrough));
    const [first, ...rest] = this.lives.slice(plan.killInSecondSnapshot ? -2 : -1);
    if (first?.refetches.join() !== 'expired' || rest.some((life) => life.refetches.length > 0))
      throw new DemoFailed(`the log was trimmed, and the follower reported: ${show(first?.refetches ?? [])}`);
    if (first.snapshots.begun === 0) throw new DemoFailed('the log was trimmed, and the follower took no new snapshot');
    this.progress.tell('it reported expired and took a new snapshot');
  }

  /** Drops everything from the log. */
  private async trim(): Promise<void> {
    const { trim } = this.world;
    if (trim === undefined) await this.source.trim();
    else await trim(await this.source.head());
  }

  /** Starts it; it takes a snapshot while `writing` goes on. */
  private async bootstrap(killed: boolean, writing: Promise<void>): Promise<void> {
    const following = async () => {
      this.start();
      if (killed) await this.killInSnapshot();
      await this.follower.following();
    };
    await Promise.all([following(), writing]);
  }

  private async killInSnapshot(): Promise<void> {
    await this.follower.inSnapshot();
    await this.follower.kill();
    const missed = this.follower.snapshots.taken > 0;
    this.tellKilled(missed ? 'just after a snapshot' : 'in mid-snapshot');
    this.start();
  }

  /** Only the outage may have made a new snapshot necessary. */
  private requireEnd(head: Position): void {
    const refetches = this.lives.flatMap((life) => life.refetches);
    if (refetches.join() !== 'expired')
      throw new DemoFailed(`new snapshots were needed because of: ${show(refetches)}; expired, once, was due`);
    if (this.written !== this.total) throw new DemoFailed(`${this.written} of ${this.total} updates were written`);
    const records = recordsThrough(head);
    if (records !== this.total) throw new DemoFailed(`${this.total} updates were written; the log has had ${records}`);
    const stood = this.follower.progress?.position;
    if (stood === undefined || comparePositions(fromToken(stood), head) !== 'equal')
      throw new DemoFailed("the follower's position isn't the end of the log");
  }

  private async write(workload: Workload, updates: number): Promise<void> {
    const done = await workload.writeTo(Math.min(updates, this.total), (written) => this.onWritten(written));
    this.onWritten(done);
  }

  private onWritten(written: number): void {
    this.written = written;
    if (this.reached !== undefined && written >= this.reached.at) this.reached.tell();
    this.show();
  }

  private reach(at: number): Promise<void> {
    return new Promise((resolve) => {
      this.reached = { at, tell: resolve };
      if (this.written >= at) resolve();
    });
  }

  private tellKilled(how: string): void {
    const { updates = 0, rows = 0 } = this.follower.progress ?? {};
    this.progress.tell(
      `killed the follower ${how} (at ${count(this.written, 'update')} written; it had applied ${updates} in this life and held ${count(rows, 'row')})`,
    );
  }

  private show(): void {
    this.progress.update(() => {
      const { status, rows = 0 } = this.lives.at(-1)?.progress ?? {};
      const applied = this.lives.reduce((sum, life) => sum + (life.progress?.updates ?? 0), 0);
      return [
        `${this.written}/${this.total} updates written`,
        `follower ${status ?? 'starting'}: ${count(applied, 'update')} applied, ${count(rows, 'row')}`,
        count(Math.max(0, this.lives.length - 1), 'restart'),
      ].join(' | ');
    });
  }
}

const show = (reasons: readonly string[]): string => (reasons.length === 0 ? 'nothing' : reasons.join());

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
