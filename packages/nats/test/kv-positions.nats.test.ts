import {
  beginning,
  decimal,
  deliverTo,
  FencedOut,
  InvalidConfiguration,
  OffsetMap,
  type Position,
  positionToJson,
  snapshotThenSubscribe,
  type SyncEvent,
  translate,
  withoutSnapshot,
} from '@tidemark/core';
import { natsLog } from '@tidemark/nats';
import { eventually } from '@tidemark/testkit';
import * as t from 'io-ts';
import { keyOf } from '../src/kv-key';
import { onBothServers } from './both-servers';
import { OwnBucket } from './own-bucket';
import { OwnStream } from './own-stream';

const key = keyOf('positions', 'orders');
const partition = (number: number) => ({ topic: 'ORDERS', partition: String(number) });
const mark = (through: number) => ({ through: decimal(through), witness: `w${through}` });
const step = (of: number, after: number | undefined, through: number) => ({
  partition: partition(of),
  after: after === undefined ? beginning : decimal(after),
  through: mark(through),
});
const at = (...through: number[]): Position => ({
  source: { kind: 'nats', order: 'decimal', epochs: { ORDERS: 'e1' } },
  offsets: OffsetMap.from(
    'decimal',
    through.map((offset, i) => ({ ...partition(i), ...mark(offset) })),
  ),
});

onBothServers(({ client, address, it }) => {
  let own: OwnBucket;
  beforeEach(async () => {
    own = await OwnBucket.open(address(), client);
  });
  afterEach(() => own.close());

  describe('a position', () => {
    it('isn’t there before it is reset, and nothing is made by looking', async () => {
      const { positions } = own.log();
      expect(await positions.load()).toBeUndefined();
      await expect(positions.save('s1', [])).rejects.toThrow(FencedOut);
      expect(await own.config()).toBeUndefined();
    });

    it('is what was reset and saved, for other instances too, and people can read it', async () => {
      const { positions } = own.log();
      await positions.reset(at(1, 2), 's1');
      await positions.save('s1', [step(0, 1, 3), step(2, undefined, 7)]);
      await positions.save('s1', []);
      const stored = { snapshotId: 's1', position: at(3, 2, 7) };
      for (const one of [own.log(), own.log({ connection: own.connection })])
        expect(await one.positions.load()).toEqual(stored);
      expect(JSON.parse((await own.get(key))?.value ?? '')).toEqual({
        snapshotId: 's1',
        position: positionToJson(stored.position),
      });
      const other = { ...at(9), source: { ...at().source, epochs: { ORDERS: 'e2' } } };
      await positions.reset(other, 's2');
      expect(await own.log().positions.load()).toEqual({ snapshotId: 's2', position: other });
    });

    it('I11: stays where it is when a save is for another snapshot, or from elsewhere', async () => {
      const { positions } = own.log();
      await positions.reset(at(1, 2), 's1');
      for (const wrong of [
        () => positions.save('s0', [step(0, 1, 3)]),
        () => positions.save('s0', []),
        () => positions.save('s1', [step(0, 1, 3), step(1, 1, 3)]),
        () => own.log().positions.save('s1', [step(2, 4, 5)]),
      ])
        await expect(wrong()).rejects.toThrow(FencedOut);
      expect(await positions.load()).toEqual({ snapshotId: 's1', position: at(1, 2) });
    });

    it('I11: is fenced out by a reset of another instance', async () => {
      const [zombie, other] = [own.log().positions, own.log().positions];
      await zombie.reset(at(1), 's1');
      await zombie.save('s1', [step(0, 1, 2)]);
      await other.reset(at(2), 's2');
      await expect(zombie.save('s1', [step(0, 2, 3)])).rejects.toThrow(FencedOut);
      expect(await zombie.load()).toEqual({ snapshotId: 's2', position: at(2) });
    });

    it('I1, I11: several instances save different partitions at once, each its own; of two with the same one saves', async () => {
      const savers = Array.from({ length: 4 }, () => own.log().positions);
      await savers[0]?.reset(at(0, 0, 0, 0), 's1');
      await Promise.all(
        savers.map(async (positions, of) => {
          for (let i = 0; i < 25; i++) await positions.save('s1', [step(of, i, i + 1)]);
        }),
      );
      expect(await own.log().positions.load()).toEqual({ snapshotId: 's1', position: at(25, 25, 25, 25) });
      const outcomes = await Promise.allSettled(savers.map((positions) => positions.save('s1', [step(0, 25, 26)])));
      const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
      expect(refused).toEqual([expect.any(FencedOut), expect.any(FencedOut), expect.any(FencedOut)]);
    });

    it('keeps no dead letters, and moves over none', async () => {
      const { positions } = own.log();
      await positions.reset(at(5), 's1');
      const record = { key: null, value: null, headers: new Map(), timestamp: 0, offset: decimal(6) };
      const rejected = [{ record, error: new FencedOut('any') }];
      await expect(positions.save('s1', [{ ...step(0, 5, 6), rejected }])).rejects.toThrow(InvalidConfiguration);
      expect(await positions.load()).toEqual({ snapshotId: 's1', position: at(5) });
      expect(await positions.letters({ limit: 1 })).toEqual([]);
      expect(await positions.forget('any')).toBe(false);
    });

    it('knows nothing of other names', async () => {
      const named = (name: string) => own.log({ positions: { bucket: own.name, name } }).positions;
      await named('a.b').reset(at(1), 's1');
      await named('a').reset(at(2), 's2');
      expect(await named('a.b').load()).toEqual({ snapshotId: 's1', position: at(1) });
      expect(await named('').load()).toBeUndefined();
    });

    it('is gone when somebody has deleted it or its bucket: never synchronised', async () => {
      const { positions } = own.log();
      await positions.reset(at(1), 's1');
      await own.bucket().write(key, null, (await own.get(key))?.revision ?? 0);
      expect(await positions.load()).toBeUndefined();
      await expect(positions.save('s1', [step(0, 1, 2)])).rejects.toThrow(FencedOut);
      await positions.reset(at(2), 's2');
      await own.remove();
      expect(await positions.load()).toBeUndefined();
      await expect(positions.save('s2', [step(0, 2, 3)])).rejects.toThrow(FencedOut);
      await positions.reset(at(3), 's3');
      expect(await positions.load()).toEqual({ snapshotId: 's3', position: at(3) });
    });

    it.each(['no json', 'null', '{}', '{"snapshotId":"s1"}', '{"snapshotId":"s1","position":{"v":2}}'])(
      'that somebody else has written is refused: %s',
      async (value) => {
        await own.bucket().write(key, value, 0);
        const { positions } = own.log();
        for (const use of [() => positions.load(), () => positions.save('s1', []), () => positions.reset(at(1), 's1')])
          await expect(use()).rejects.toMatchObject({
            code: expect.stringMatching(/INVALID_CONFIGURATION|MALFORMED/) as string,
          });
        expect((await own.get(key))?.value).toBe(value);
      },
    );

    it('is refused by a bucket that forgets', async () => {
      await own.make({ max_age: 3_600_000_000_000 });
      const { positions } = own.log();
      await expect(positions.load()).rejects.toThrow(InvalidConfiguration);
      await expect(positions.reset(at(1), 's1')).rejects.toThrow('max_age');
    });

    it('has no place in a log that was told of none, nor in a bucket that can’t be one', async () => {
      const { positions } = own.log({ positions: undefined });
      for (const use of [
        () => positions.load(),
        () => positions.reset(at(1), 's1'),
        () => positions.save('s1', []),
        () => positions.letters({ limit: 1 }),
        () => positions.forget('any'),
      ])
        await expect(use()).rejects.toThrow(InvalidConfiguration);
      expect(() => own.log({ positions: { bucket: 'a.b', name: 'x' } })).toThrow(InvalidConfiguration);
    });
  });

  describe('a pipeline that delivers', () => {
    let stream: OwnStream;
    beforeEach(async () => {
      stream = await OwnStream.create(address(), client);
    });
    afterEach(() => stream.close());

    const Order = t.type({ id: t.string });
    const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `id-${from + i}`);
    const publish = async (all: readonly string[]) => {
      for (const id of all) await stream.publish(`${stream.subject}.${id}`, JSON.stringify({ id }));
    };

    function delivering(handler: (id: string) => void) {
      const positions = { bucket: own.name, name: 'orders' };
      const log = natsLog({ connection: own.directly, topics: { orders: { stream: stream.name } }, positions });
      const pipeline = snapshotThenSubscribe({
        name: 'orders',
        snapshot: withoutSnapshot(log, 'beginning'),
        transport: log,
        decode: { orders: { row: Order, update: Order } },
        times: { retryMs: 200 },
      }).pipe(
        translate(({ value }) => value.id),
        deliverTo(handler, { positions: log.positions }),
      );
      const told: SyncEvent<string>[] = [];
      pipeline.subscribe({ next: (event) => told.push(event), error: () => undefined }); // `run` and `stop` tell it too
      const stop = async () => {
        await pipeline.stop().catch(() => undefined);
        await log[Symbol.asyncDispose]();
      };
      return { pipeline, told, stop };
    }

    it('I1, I5: goes on after a restart from where it was', async () => {
      const [seen, later]: [string[], string[]] = [[], []];
      await publish(ids(0, 40));
      const before = delivering((id) => void seen.push(id));
      await before.pipeline.caughtUp({ timeoutMs: 20_000 });
      await before.stop();
      expect(seen).toEqual(ids(0, 40));
      await publish(ids(40, 60));
      const after = delivering((id) => void later.push(id));
      await after.pipeline.caughtUp({ timeoutMs: 20_000 });
      await after.stop();
      expect(later).toEqual(ids(40, 60));
      expect(after.told.filter(({ type }) => type === 'snapshotStart' || type === 'mustRefetch')).toEqual([]);
    });

    it('I5: what was handled and not saved comes again: nothing is saved before its effect', async () => {
      await publish(['one']);
      let failing = true;
      const seen: string[] = [];
      const handle = (id: string) => {
        seen.push(id);
        if (failing) throw new Error('no');
      };
      const failed = delivering(handle);
      await expect(failed.pipeline.run()).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
      await failed.stop();
      const stored = await own.log().positions.load();
      expect([...(stored?.position.offsets ?? [])].map(({ through }) => through)).toEqual([beginning]);
      failing = false;
      const tries = seen.length;
      const again = delivering(handle);
      await again.pipeline.caughtUp({ timeoutMs: 20_000 });
      await again.stop();
      expect(seen).toEqual(Array.from({ length: tries + 1 }, () => 'one'));
    });

    it('I1: a bucket that was deleted under it means a new snapshot, and it goes on', async () => {
      const seen: string[] = [];
      await publish(['one']);
      const { pipeline, told, stop } = delivering((id) => void seen.push(id));
      await pipeline.caughtUp({ timeoutMs: 20_000 });
      const { positions } = own.log();
      await own.remove();
      const sequence = await stream.publish(`${stream.subject}.two`, '{"id":"two"}');
      const saved = async () => {
        const stored = await positions.load();
        return stored?.position.offsets.through({ topic: stream.name, partition: '0' }) === String(sequence);
      };
      await eventually(saved, 'it is saved anew');
      expect(seen).toContain('two');
      expect(told.filter(({ type }) => type === 'snapshotEnd')).toHaveLength(2);
      await stop();
    });
  });
});
