import { type SimSlot } from './sim-slot';
import { type SimWorld } from './sim-world';
import { type SimFault } from './sim-plan';

type Happening = () => void;

/** What happens to the world while it isn't calm: one thing at a time, drawn from what the plan has. */
export class Unrest<Topic extends string, State> {
  /** The newest version that is rolled out. */
  version = '1';
  private readonly nature;
  private readonly happenings: readonly Happening[];

  constructor(
    private readonly world: SimWorld<Topic, State>,
    private readonly slots: readonly SimSlot<Topic, State>[],
  ) {
    this.nature = world.host('nature');
    const { faults } = world.plan;
    const all: readonly (readonly [SimFault, Happening])[] = [
      ['crash', this.crash],
      ['crash', this.crash],
      ['freeze', this.freeze],
      ['stop', this.stop],
      ['pause', this.pause],
      ['replica', this.outage(world.faultyReplica, 'the replica')],
      ['log', this.outage(world.faultyLog, 'the log')],
      ['snapshot', this.outage(world.faultyA, 'A')],
      ['redeploy', this.redeploy],
      ['trim', this.onLog('trim')],
      ['trim', this.onLog('trim')],
      ['grow', this.onLog('grow')],
      ['recreate', this.onLog('recreate')],
      ['truncate', this.onLog('truncate')],
      ['deploy', this.deploy],
    ];
    this.happenings = all.filter(([fault]) => faults.has(fault)).map(([, happening]) => happening);
  }

  /** Perhaps something happens now. Answers whether it did. */
  stir(): boolean {
    const { random, plan } = this.world;
    const happening = random.chance(plan.unrest) ? random.pick(this.happenings) : undefined;
    happening?.();
    return happening !== undefined;
  }

  /** Everybody runs, and nothing happens any more. */
  calmDown(): void {
    this.world.note('calm');
    this.nature.kill();
    this.world.calmDown();
    for (const slot of this.slots) {
      slot.host?.thaw();
      if (slot.runs && slot.version !== this.version) slot.kill();
      if (!slot.runs) slot.start(this.version);
      void slot.pipeline?.resume();
    }
  }

  /** What has ended is started again after a while. */
  restart(): void {
    for (const slot of this.slots) if (!slot.runs && !this.awaited.has(slot)) this.startLater(slot);
  }

  private readonly awaited = new Set<SimSlot<Topic, State>>();

  private startLater(slot: SimSlot<Topic, State>): void {
    this.awaited.add(slot);
    this.later(10_000, () => {
      this.awaited.delete(slot);
      if (!slot.runs) slot.start(this.version);
    });
  }

  private later(ms: number, then: () => void): void {
    void this.nature.sleep(this.world.random.below(ms)).then(then);
  }

  private running(): SimSlot<Topic, State> | undefined {
    return this.world.random.pick(this.slots.filter(({ host }) => host?.state === 'running'));
  }

  private readonly crash = (): void => {
    this.running()?.kill();
  };

  private readonly stop = (): void => {
    this.running()?.stop();
  };

  private readonly freeze = (): void => {
    const host = this.running()?.host;
    if (host === undefined) return;
    this.world.note(`${host.name} freezes`);
    host.freeze();
    this.later(30_000, () => {
      this.world.note(`${host.name} thaws`);
      host.thaw();
    });
  };

  private readonly pause = (): void => {
    const slot = this.running();
    if (slot?.pipeline === undefined) return;
    const { pipeline } = slot;
    this.world.note(`${slot.name} is paused`);
    void pipeline.pause();
    this.later(10_000, () => void pipeline.resume());
  };

  private readonly redeploy = (): void => {
    this.world.note('A is redeployed');
    this.world.a.redeploy();
  };

  /** Some processes are of the new version at once, the others from their next start on. */
  private readonly deploy = (): void => {
    const { random } = this.world;
    if (this.version !== '1') return;
    this.version = '2';
    this.world.note('version 2 is rolled out');
    for (const slot of this.slots) if (slot.host?.state === 'running' && random.chance(0.5)) slot.kill();
  };

  private outage(what: { outage(): () => void }, name: string): Happening {
    return () => {
      this.world.note(`${name} goes away`);
      const over = what.outage();
      this.later(20_000, () => {
        this.world.note(`${name} is back`);
        over();
      });
    };
  }

  private onLog(what: 'trim' | 'grow' | 'recreate' | 'truncate'): Happening {
    return () => {
      const { log, random } = this.world;
      const topic = random.pick(log.topics);
      if (topic === undefined) return;
      this.world.note(`the log: ${what} ${topic}`);
      log[what](topic);
    };
  }
}
