import { setImmediate as immediate } from 'node:timers/promises';
import { type Position } from '@tidemark/core';
import { type SimFault } from './sim-plan';
import { quiet } from './sim-scheduler';
import { SimSlot } from './sim-slot';
import { Unrest } from './sim-unrest';
import { type Scenario, SimWorld } from './sim-world';

/** How a run ended. */
export interface RunReport {
  readonly seed: number;
  /** Equal for equal runs. */
  readonly hash: string;
  readonly turns: number;
  /** Simulated milliseconds. */
  readonly ms: number;
  readonly violation: { readonly what: string; readonly cause?: unknown } | undefined;
  readonly trace: readonly string[];
}

/** Turns after which a run goes round in circles. */
const turnsAtMost = 60_000;

/** How long everything may take to be caught up once nothing goes wrong any more, in simulated milliseconds. */
const calmMs = 15 * 60_000;

/** One run: unrest while A writes, then calm, then everything must be as A has published it. */
export async function runSeed<Topic extends string, State>(
  seed: number,
  scenario: Scenario<Topic, State>,
  faults: readonly SimFault[],
): Promise<RunReport> {
  await immediate(); // from here on Node treats all runs alike, the first one too
  const world = new SimWorld(seed, scenario, faults);
  const { scheduler, plan } = world;
  const slots = Array.from({ length: plan.instances }, (_, i) => new SimSlot(`b${i + 1}`, world, scenario.start));
  const unrest = new Unrest(world, slots);
  let written = false;
  scenario.write(world.writer()).then(
    () => (written = true),
    (error: unknown) => {
      world.violate(`\`write\` failed: ${String(error)}`, error);
    },
  );
  for (const slot of slots) slot.start('1');

  const drive = async (until: () => boolean, each: () => boolean): Promise<void> => {
    let stands = false; // who has ended while nothing could happen is started anew by the next `each`
    while (world.violation === undefined && !until()) {
      if (each()) await quiet(undefined); // who died may have written with its last breath
      if (scheduler.turns > turnsAtMost) world.violate(`it goes round in circles: ${turnsAtMost} turns`);
      else {
        const stood = stands;
        stands = !(await scheduler.turn());
        if (stood && stands) world.violate('nothing can happen any more, and it is not caught up');
      }
    }
  };
  await drive(
    () => written && scheduler.now >= plan.unrestMs,
    () => {
      const stirred = unrest.stir();
      unrest.restart();
      return stirred;
    },
  );
  if (world.violation === undefined) {
    unrest.calmDown();
    await quiet(undefined);
    const deadline = scheduler.now + calmMs;
    let caughtUp = false;
    void settle(world, slots).then(
      () => (caughtUp = true),
      (error: unknown) => {
        world.violate(`looking at how far it is failed: ${String(error)}`, error);
      },
    );
    await drive(
      () => caughtUp,
      () => {
        for (const slot of slots) if (!slot.runs) slot.start(unrest.version);
        if (scheduler.now > deadline)
          world.violate(`not caught up ${calmMs / 60_000} minutes after the faults have stopped: ${standing(slots)}`);
        return false;
      },
    );
  }
  if (world.violation === undefined)
    for (const slot of slots)
      try {
        scenario.expect(slot.state(), world.published());
      } catch (error) {
        world.violate(`in the end, at ${slot.name}: ${error instanceof Error ? error.message : String(error)}`, error);
      }
  for (const slot of slots) if (slot.runs) slot.host?.kill();
  const { violation, trace } = world;
  return { seed, hash: trace.hash, turns: scheduler.turns, ms: scheduler.now, violation, trace: trace.lines() };
}

/** Resolves once every pipeline is live, for good, and has stored the end of the log. */
async function settle<Topic extends string, State>(
  world: SimWorld<Topic, State>,
  slots: readonly SimSlot<Topic, State>[],
): Promise<void> {
  const observer = world.host('observer');
  for (;;) {
    await observer.sleep(500);
    if (!slots.every(({ live }) => live)) continue;
    const end = world.log.position(world.log.view());
    // who dies meanwhile never answers
    const positions = await Promise.race([
      Promise.all(slots.map(async ({ pipeline }) => pipeline?.position())),
      observer.sleep(5_000),
    ]);
    if (positions?.every((position) => position !== undefined && isAt(position, end))) return;
  }
}

/** The same place of the same history: a position beyond the end is of one that the log has lost. */
const isAt = ({ source, offsets }: Position, end: Position): boolean =>
  Object.entries(end.source.epochs).every(([topic, epoch]) => source.epochs[topic] === epoch) &&
  offsets.compare(end.offsets) === 'equal' &&
  [...end.offsets].every(({ witness, ...partition }) => {
    const stored = offsets.get(partition)?.witness;
    return witness === undefined || stored === undefined || witness === stored;
  });

const standing = <Topic extends string, State>(slots: readonly SimSlot<Topic, State>[]): string =>
  slots.map(({ name, status, pipeline }) => `${name} is ${status}; ${pipeline?.explain() ?? ''}`).join('\n');
