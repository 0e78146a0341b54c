import { OffsetMap, type Position, positionToJson } from '@tidemark/core';
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import {
  bootstrapped,
  item,
  mark,
  position,
  positionOf,
  type ReplicaFixture,
  type ReplicaScenario,
} from './replica-fixture';

/** Positions come back as they went in. */
export function storedScenarios<F extends ReplicaFixture>(scenario: ReplicaScenario<F>): void {
  scenario('keeps the whole position: cluster, epochs, witnesses, and names of any text', async (fixture) => {
    const epochs = Object.fromEntries([
      ['items', '2024-01-01T00:00:00Z'],
      ['__proto__', 'e7'],
      ['тема/1', 'e"8"'],
    ]);
    const names = ['items', '__proto__', 'constructor', 'тема/1', "o'brien; --", 'a:b'];
    const at: Position = {
      source: { kind: 'suite', order: 'decimal', cluster: 'c/1', epochs },
      offsets: OffsetMap.from(
        'decimal',
        names.flatMap((topic, i) => [
          { topic, partition: '0', ...mark(`${i}`, `170000000${i}.cafe`) },
          { topic, partition: `shard-${topic}`, ...mark('beginning') },
        ]),
      ),
    };
    await bootstrapped(fixture.replica(), at, item('a'));
    deepStrictEqual(written(positionOf(await fixture.replica().load())), written(at));
  });

  scenario('keeps a position without a cluster, without epochs, without partitions', async (fixture) => {
    const bare = position(undefined, undefined, { kind: 'suite', order: 'decimal', epochs: {} });
    await bootstrapped(fixture.replica(), bare, item('a'));
    const stored = positionOf(await fixture.replica().load());
    deepStrictEqual(written(stored), written(bare));
    strictEqual(stored.source.cluster, undefined);
  });

  scenario('tells whose rows it holds: version and scope come back with giveBack', async (fixture) => {
    const bound = { pipeline: 'items', version: '1', scope: 'media=1' };
    const first = await fixture.replica().take(await fixture.replica().load(), bound);
    strictEqual(await first.swap(position('1'), []), 'swapped');
    const told = async () => {
      const { version, scope } = await fixture.replica().load();
      return { version, scope };
    };
    deepStrictEqual(await told(), { version: '1', scope: 'media=1' });
    const second = await fixture
      .replica()
      .take(await fixture.replica().load(), { pipeline: 'items', version: '2', scope: 'media=2' });
    deepStrictEqual(await told(), { version: '2', scope: 'media=2' });
    await second.giveBack();
    deepStrictEqual(await told(), { version: '1', scope: 'media=1' });
  });

  scenario('keeps lexical offsets', async (fixture) => {
    const lexical = position('0000_10', 'a~b', { kind: 'suite', order: 'lexical', epochs: {} });
    await bootstrapped(fixture.replica(), lexical, item('a'));
    deepStrictEqual(written(positionOf(await fixture.replica().load())), written(lexical));
  });
}

/** A position in its written form, partitions sorted. */
function written(at: Position) {
  const { source, partitions } = positionToJson(at);
  const sorted = [...partitions].sort((a, b) => (`${a.topic}/${a.partition}` < `${b.topic}/${b.partition}` ? -1 : 1));
  return { ...source, epochs: Object.entries(source.epochs).sort(), partitions: sorted };
}
