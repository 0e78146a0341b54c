import { type Offset, remove } from '@tidemark/core';
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import {
  batch,
  bootstrapped,
  contents,
  item,
  mark,
  p0,
  p1,
  position,
  positionOf,
  type ReplicaFixture,
  type ReplicaScenario,
  shown,
  throughs,
} from './replica-fixture';

/** Batches: rows and position together, one answer each. */
export function applyScenarios<F extends ReplicaFixture>(scenario: ReplicaScenario<F>): void {
  scenario('I5: rows and position move together', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('1', '1'), item('a'), item('b'));
    const removal = { ...batch(p1, '1', '4', item('d')), changes: [remove('b'), remove('never-there')] };
    deepStrictEqual(await replica.apply(term, [batch(p0, '1', '2', item('c')), removal]), ['applied', 'applied']);
    deepStrictEqual(await contents(fixture), shown(item('a'), item('c')));
    deepStrictEqual(throughs(positionOf(await fixture.replica().load())), ['2', '4']);
  });

  scenario('I3: changes of a batch, and batches of a partition, apply in order', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('0'));
    await replica.apply(term, [batch(p0, '0', '3', item('a', 'one'), item('a', 'two'), item('a', 'three'))]);
    deepStrictEqual(await contents(fixture), shown(item('a', 'three')));
    for (let i = 3; i < 20; i++)
      deepStrictEqual(await replica.apply(term, [batch(p0, `${i}`, `${i + 1}`, item('a', `text ${i}`))]), ['applied']);
    deepStrictEqual(await contents(fixture), shown(item('a', 'text 19')));
  });

  scenario('I2: a batch applied again has no second effect and says where the partition stands', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('0'));
    const first = batch(p0, '0', '1', item('a', 'first'));
    await replica.apply(term, [first]);
    await replica.apply(term, [batch(p0, '1', '2', item('a', 'second'))]);
    for (let again = 0; again < 2; again++)
      deepStrictEqual(movedTo(await fixture.replica().apply(term, [first])), ['2']);
    deepStrictEqual(await contents(fixture), shown(item('a', 'second')));
    deepStrictEqual(throughs(positionOf(await replica.load())), ['2', 'beginning']);
  });

  scenario('I1: a batch that begins beyond the position is refused: nobody skips a gap', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('2'));
    deepStrictEqual(movedTo(await replica.apply(term, [batch(p0, '4', '5', item('a'))])), ['2']);
    deepStrictEqual(movedTo(await replica.apply(term, [batch(p0, 'beginning', '5', item('a'))])), ['2']);
    strictEqual((await fixture.rows()).size, 0);
    deepStrictEqual(throughs(positionOf(await replica.load())), ['2', 'beginning']);
  });

  scenario('I4: a partition that the position does not name stands at its beginning', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('2'));
    deepStrictEqual(movedTo(await replica.apply(term, [batch(p1, '0', '5', item('a'))])), ['beginning']);
    deepStrictEqual(await replica.apply(term, [batch(p1, 'beginning', '5', item('b'))]), ['applied']);
    deepStrictEqual(await contents(fixture), shown(item('b')));
    deepStrictEqual(throughs(positionOf(await replica.load())), ['2', '5']);
  });

  scenario('one moved batch never fails the others', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('1', '1'));
    const p2 = { topic: 'items', partition: '2' };
    const answers = await replica.apply(term, [
      batch(p0, '1', '2', item('a')),
      batch(p1, '0', '1', item('b')),
      batch(p2, 'beginning', '7', item('c')),
    ]);
    deepStrictEqual([answers[0], answers[2]], ['applied', 'applied']);
    deepStrictEqual(movedTo(answers), ['1']);
    deepStrictEqual(await contents(fixture), shown(item('a'), item('c')));
    const { offsets } = positionOf(await replica.load());
    deepStrictEqual([offsets.through(p0), offsets.through(p1), offsets.through(p2)], ['2', '1', '7']);
  });

  scenario('a batch without changes moves the position; no batches change nothing', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('1'), item('a'));
    deepStrictEqual(await replica.apply(term, [batch(p0, '1', '9')]), ['applied']);
    deepStrictEqual(await replica.apply(term, []), []);
    deepStrictEqual(throughs(positionOf(await replica.load())), ['9', 'beginning']);
    deepStrictEqual(await contents(fixture), shown(item('a')));
  });

  scenario('I2: of two handles that apply the same batch at once, one does', async (fixture) => {
    const [one, other] = [fixture.replica(), fixture.replica()];
    const term = await bootstrapped(one, position('0'));
    for (let i = 0; i < 10; i++) {
      const [mine, theirs] = await Promise.all(
        [one, other].map((handle, n) => handle.apply(term, [batch(p0, `${i}`, `${i + 1}`, item(`${i}`, `by ${n}`))])),
      );
      const answers = [...(mine ?? []), ...(theirs ?? [])];
      strictEqual(answers.filter((answer) => answer === 'applied').length, 1);
      deepStrictEqual(movedTo(answers), [`${i + 1}`]);
    }
    strictEqual((await fixture.rows()).size, 10);
  });

  scenario('I5: several partitions of one call move in one transaction', async (fixture) => {
    const replica = fixture.replica();
    const reader = fixture.replica();
    const term = await bootstrapped(replica, position('0', '0'));
    const writer = { done: false };
    const writing = (async () => {
      for (let i = 0; i < 30; i++)
        await replica.apply(term, [batch(p0, `${i}`, `${i + 1}`, item('a')), batch(p1, `${i}`, `${i + 1}`, item('b'))]);
    })().finally(() => (writer.done = true));
    do {
      const [zero, one] = throughs(positionOf(await reader.load()));
      strictEqual(zero, one);
    } while (!writer.done);
    await writing;
    deepStrictEqual(throughs(positionOf(await reader.load())), ['30', '30']);
  });

  scenario('I2: offsets are exact beyond 2^53', async (fixture) => {
    const replica = fixture.replica();
    const vast = '49590338271490256608559692538361571095921575989136588898';
    const term = await bootstrapped(replica, position('9007199254740992', vast));
    const next = vast.replace(/8$/, '9');
    deepStrictEqual(movedTo(await replica.apply(term, [batch(p0, '9007199254740993', '9007199254740994')])), [
      '9007199254740992',
    ]);
    deepStrictEqual(
      await replica.apply(term, [
        batch(p0, '9007199254740992', '9007199254740993', item('a')),
        batch(p1, vast, next, item('b')),
      ]),
      ['applied', 'applied'],
    );
    deepStrictEqual(throughs(positionOf(await replica.load())), ['9007199254740993', next]);
  });

  scenario('keeps the witness of the last mark, and forgets that of the one before', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('1'));
    await replica.apply(term, [{ ...batch(p0, '1', '2'), through: mark('2', '1700000000000.abc') }]);
    strictEqual(positionOf(await replica.load()).offsets.get(p0)?.witness, '1700000000000.abc');
    const answers = await replica.apply(term, [batch(p0, '1', '2')]);
    deepStrictEqual(answers[0] !== 'applied' && answers[0]?.moved.witness, '1700000000000.abc');
    await replica.apply(term, [batch(p0, '2', '3')]);
    strictEqual(positionOf(await replica.load()).offsets.get(p0)?.witness, undefined);
  });

  scenario('a partition can be closed, and nothing follows', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('1'));
    deepStrictEqual(await replica.apply(term, [batch(p0, '1', 'closed', item('last'))]), ['applied']);
    deepStrictEqual(movedTo(await replica.apply(term, [batch(p0, '1', '2', item('late'))])), ['closed']);
    deepStrictEqual(await contents(fixture), shown(item('last')));
  });
}

/** Where the batches that weren't applied found their partitions. */
const movedTo = (answers: readonly ('applied' | { readonly moved: { readonly through: Offset } })[]): string[] =>
  answers.flatMap((answer) => (answer === 'applied' ? [] : [answer.moved.through]));
