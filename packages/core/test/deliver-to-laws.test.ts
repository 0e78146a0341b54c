import * as fc from 'fast-check';
import {
  deliverTo,
  FencedOut,
  partitionKey,
  type PositionStore,
  type Settled,
  type StoredPosition,
  Unavailable,
} from '@tidemark/core';
import { eventually, listen, type Thing, World } from './support/world';

type Call = Thing | { readonly gone: string };

/** Positions that tell what is saved, and fail as often as they are told to: before, or after it is stored. */
class Positions implements PositionStore {
  stored: StoredPosition | undefined;

  constructor(
    private readonly saving: (advance: Settled) => void,
    private readonly fails: () => 'before' | 'after' | undefined,
  ) {}

  load() {
    return Promise.resolve(this.stored);
  }
  async reset(position: StoredPosition['position'], snapshotId: string) {
    this.stored = { position, snapshotId };
  }
  async save(snapshotId: string, advances: readonly Settled[]) {
    const fails = this.fails();
    if (fails === 'before') throw new Unavailable('away');
    if (this.stored?.snapshotId !== snapshotId) throw new FencedOut('another snapshot');
    let { offsets } = this.stored.position;
    for (const advance of advances) {
      const { partition, after, through } = advance;
      if (offsets.through(partition) !== after) throw new FencedOut('elsewhere');
      this.saving(advance);
      offsets = offsets.with(partition, through);
    }
    this.stored = { snapshotId, position: { ...this.stored.position, offsets } };
    if (fails === 'after') throw new Unavailable('the answer was lost');
  }
  async letters() {
    return [];
  }
  async forget() {
    return false;
  }
}

/** How the handler does with one message: turns it takes, tries that fail, and whether it never succeeds. */
const fate = fc.record({ turns: fc.nat(4), failures: fc.nat(2), poison: fc.boolean() });
const fates = fc.array(fc.tuple(fc.nat(5), fate), { minLength: 1, maxLength: 25 });
const savings = fc.infiniteStream(
  fc.constantFrom(undefined, undefined, undefined, 'before' as const, 'after' as const),
);

it('I1, I3, I5: law: a saved position never passes a message that is not settled, whatever handlers and stores do', async () => {
  await fc.assert(
    fc.asyncProperty(
      fates,
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      savings,
      async (all, concurrency, byKey, fails) => {
        const partitions = 2;
        const world = new World(partitions);
        const settled = new Set<number>();
        const order = new Map<string, number[]>();
        /** Partition → the messages by offset. */
        const sent: number[][] = [[], []];
        const wrong: string[] = [];
        const positions = new Positions(
          ({ partition, through }) => {
            const upTo = Number(through.through);
            if (Number.isNaN(upTo)) return; // still at its beginning
            for (const n of sent[Number(partition.partition)]!.slice(0, upTo + 1))
              if (!settled.has(n)) wrong.push(`${partitionKey(partition)} was saved through ${upTo}, ${n} was open`);
          },
          () => fails.next().value as 'before' | 'after' | undefined,
        );
        const handler = async (call: Call, { attempt }: { readonly attempt: number }): Promise<void> => {
          const n = 'n' in call ? call.n : -1;
          const { turns, failures, poison } = all[n]![1];
          for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
          const last = attempt === 3;
          if (poison || attempt <= failures) {
            if (last) settled.add(n); // given up: skipped
            throw new Unavailable('not now');
          }
          settled.add(n);
          const id = 'id' in call ? call.id : '';
          order.set(id, [...(order.get(id) ?? []), n]);
        };
        const pipeline = world.calls(
          deliverTo<Call>(handler, {
            positions,
            concurrency,
            orderBy: byKey ? (call) => ('id' in call ? call.id : '') : undefined,
            retry: { attempts: 3, baseMs: 0, maxMs: 0 },
            onPoison: 'skip',
          }),
        );
        const told = listen(pipeline);
        await pipeline.caughtUp({ timeoutMs: 10_000 });
        for (const [n, [id]] of all.entries()) {
          sent[id % partitions]!.push(n);
          world.set(id, n);
        }
        const through = (partition: number) =>
          positions.stored?.position.offsets.through({ topic: 'toy.things', partition: String(partition) });
        await eventually(() => sent.every((ns, p) => ns.length === 0 || through(p) === String(ns.length - 1)), 20_000);
        await pipeline.stop();
        expect(told.error).toBeUndefined();
        expect(wrong).toEqual([]);
        expect(settled.size).toBe(all.length);
        // what was repeated begins anew with its delivery; the first time that each came is in order
        for (const ns of order.values()) {
          const firsts = [...new Set(ns)];
          expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
        }
      },
    ),
    { numRuns: 15 },
  );
}, 120_000);
