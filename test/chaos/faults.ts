import { setTimeout as pause } from 'node:timers/promises';
import { type FaultName } from './broker';
import { between, pick, type Random } from './random';
import { type World } from './world';

/** One thing that goes wrong. Faults of one lane come one after the other; the lanes go on beside each other. */
export interface Fault {
  readonly lane: 'a' | 'b' | 'network' | 'broker';
  readonly what: string;
  /** Does it, and undoes it where it can be undone. All chance comes from `random`, before the first await. */
  readonly inject: (world: World, random: Random) => Promise<void>;
}

export const faults: { readonly [F in FaultName]: Fault } = {
  killA: {
    lane: 'a',
    what: 'A is killed (SIGKILL) and started again',
    async inject(world, random) {
      const awayMs = between(random, 0, 200);
      await world.killA();
      await pause(awayMs);
      await world.startA();
    },
  },
  restartA: {
    lane: 'a',
    what: 'A is stopped cleanly and started again',
    async inject(world) {
      await world.stopA();
      await world.startA();
    },
  },
  freezeA: {
    lane: 'a',
    what: 'A is frozen (SIGSTOP) for a while, and goes on',
    async inject(world, random) {
      const ms = between(random, 500, 1_500);
      world.processA.signal('SIGSTOP');
      await pause(ms);
      world.processA.signal('SIGCONT');
    },
  },
  killB: {
    lane: 'b',
    what: 'an instance of B is killed (SIGKILL) and started again',
    async inject(world, random) {
      const [instance, awayMs] = [pick(random, world.instances), between(random, 0, 200)];
      await world.killB(instance);
      await pause(awayMs);
      world.startB(instance);
    },
  },
  restartB: {
    lane: 'b',
    what: 'an instance of B is stopped cleanly and started again',
    async inject(world, random) {
      const instance = pick(random, world.instances);
      await world.stopB(instance);
      world.startB(instance);
    },
  },
  freezeB: {
    lane: 'b',
    what: 'an instance of B is frozen (SIGSTOP) past the takeover time, and goes on',
    async inject(world, random) {
      const [instance, ms] = [pick(random, world.instances), between(random, 900, 1_200)];
      world.freeze(instance);
      await pause(ms);
      world.thaw(instance);
    },
  },
  cut: {
    lane: 'network',
    what: 'every connection is reset, three times',
    async inject(world, random) {
      const gaps = [0, between(random, 5, 100), between(random, 5, 100)];
      for (const ms of gaps) {
        await pause(ms);
        for (const proxy of world.proxies) proxy.cut();
      }
    },
  },
  truncate: {
    lane: 'network',
    what: 'answers end after some bytes, for a while',
    async inject(world, random) {
      const ms = between(random, 100, 400);
      const bytes = between(random, 0, 40_000);
      for (const proxy of world.proxies) proxy.truncateAfter = bytes;
      await pause(ms);
      world.heal();
    },
  },
  slow: {
    lane: 'network',
    what: 'bytes are delayed, for a while',
    async inject(world, random) {
      const ms = between(random, 200, 600);
      const delayMs = between(random, 5, 60);
      for (const proxy of world.proxies) proxy.delayMs = delayMs;
      await pause(ms);
      world.heal();
    },
  },
  blackHole: {
    lane: 'network',
    what: 'no byte passes for a while, and open connections stay half open',
    async inject(world, random) {
      const ms = between(random, 200, 900);
      for (const proxy of world.proxies) proxy.blackHole();
      await pause(ms);
      world.heal();
    },
  },
  trim: {
    lane: 'b',
    what: "the log is trimmed past B's position, while B is frozen",
    async inject(world, random) {
      const [ms, keep] = [between(random, 50, 200), between(random, 0, 5)];
      for (const instance of world.instances) world.freeze(instance);
      await pause(ms);
      await world.log.trim(keep);
      for (const instance of world.instances) world.thaw(instance);
    },
  },
  recreate: {
    lane: 'a',
    what: 'the log is deleted and made again, empty',
    async inject(world) {
      await world.log.recreate?.();
    },
  },
  bootstrapTogether: {
    lane: 'b',
    what: 'all instances of B are killed, the replica is removed, all start at once',
    async inject(world) {
      await Promise.all(world.instances.map((instance) => world.killB(instance)));
      world.forgetReplica();
      for (const instance of world.instances) world.startB(instance);
    },
  },
  deploy: {
    lane: 'b',
    what: 'another version of the pipeline is deployed to one instance; the others follow when it has superseded them',
    async inject(world, random) {
      const instance = pick(random, world.instances);
      world.version++;
      await world.stopB(instance);
      world.startB(instance);
    },
  },
  databaseFull: {
    lane: 'b',
    what: "an instance's database takes no page more (SQLITE_FULL), for a while",
    async inject(world, random) {
      const [instance, ms] = [pick(random, world.instances), between(random, 200, 600)];
      world.order(instance, { full: true });
      await pause(ms);
      world.order(instance, { full: false });
    },
  },
  clockJump: {
    lane: 'b',
    what: "an instance's wall clock jumps by hours",
    async inject(world, random) {
      world.order(pick(random, world.instances), { skew: between(random, -48, 48) * 3_600_000 });
    },
  },
  killBroker: {
    lane: 'broker',
    what: 'the broker is killed (SIGKILL) and started again',
    async inject({ service }, random) {
      const awayMs = between(random, 0, 500);
      await service.kill();
      await pause(awayMs);
      await service.restart();
    },
  },
  freezeBroker: {
    lane: 'broker',
    what: 'the broker is frozen (SIGSTOP) for a while, and goes on',
    async inject({ service }, random) {
      const ms = between(random, 500, 3_000);
      service.freeze();
      await pause(ms);
      service.thaw();
    },
  },
};
