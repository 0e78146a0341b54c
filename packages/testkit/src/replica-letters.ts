import {
  type DeadLetter,
  decimal,
  DecodeFailed,
  type LogRecord,
  type Replica,
  TranslateFailed,
  upsert,
} from '@tidemark/core';
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import {
  batch,
  bootstrapped,
  contents,
  item,
  p0,
  p1,
  position,
  positionOf,
  refused,
  type ReplicaFixture,
  type ReplicaScenario,
  shown,
  throughs,
} from './replica-fixture';

/** Dead letters, until they are settled. */
export function letterScenarios<F extends ReplicaFixture>(scenario: ReplicaScenario<F>): void {
  scenario('I1: keeps dead letters in the same transaction as the changes', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('0'));
    const rejected = [deadLetter('1', new DecodeFailed('no')), deadLetter('2', new TranslateFailed('nor this'))];
    const withLetters = { ...batch(p0, '0', '3', item('a')), rejected };
    deepStrictEqual(await replica.apply(term, [withLetters]), ['applied']);
    const expected = ['1 DECODE_FAILED no', '2 TRANSLATE_FAILED nor this'];
    deepStrictEqual(await told(fixture.replica()), expected);
    ok((await replica.apply(term, [withLetters]))[0] !== 'applied');
    deepStrictEqual(await told(fixture.replica()), expected, 'a batch that has moved leaves no dead letters');
  });

  scenario('gives back the very record, and where it stood', async (fixture) => {
    const replica = fixture.replica();
    const { error, record } = deadLetter('1', new DecodeFailed('no'));
    const bare: LogRecord = { ...record, offset: decimal('2'), key: null, value: null, headers: new Map() };
    await replica.apply(await bootstrapped(replica, position('0', '0')), [
      { ...batch(p1, '0', '3'), rejected: [record, bare].map((one) => ({ record: one, error })) },
    ]);
    const [first, second] = await fixture.replica().letters({ limit: 10 });
    ok(first !== undefined && second !== undefined);
    deepStrictEqual({ ...first.partition }, p1);
    deepStrictEqual(plain(first.record), plain(record));
    deepStrictEqual(plain(second.record), plain(bare));
  });

  scenario('lists the oldest first, as many as asked for, and one by its id', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('0'));
    for (const offset of [1, 2, 3])
      await replica.apply(term, [
        { ...batch(p0, `${offset - 1}`, `${offset}`), rejected: [deadLetter(`${offset}`, new DecodeFailed('no'))] },
      ]);
    deepStrictEqual(await told(replica, 2), ['1 DECODE_FAILED no', '2 DECODE_FAILED no']);
    const [, second] = await replica.letters({ limit: 10 });
    ok(second !== undefined);
    const [same, ...others] = await fixture.replica().letters({ id: second.id });
    ok(same !== undefined && others.length === 0);
    deepStrictEqual([same.id, same.record.offset], [second.id, '2']);
  });

  scenario('I2: a letter and its effect are one transaction, once', async (fixture) => {
    const replica = fixture.replica();
    const { term, ids } = await withTwo(replica);
    const [letter = ''] = ids;
    const settle = (text: string) => ({ changes: [upsert(item('mended', text))], letter });
    await refused(replica.amend(term + 1, settle('of another term')), 'FENCED_OUT', 'another term');
    strictEqual((await replica.letters({ limit: 10 })).length, 2);
    const handles = [fixture.replica(), fixture.replica()];
    const answers = await Promise.all(handles.map((handle, n) => handle.amend(term, settle(`by ${n}`))));
    deepStrictEqual([...answers].sort(), ['amended', 'gone']);
    deepStrictEqual(await contents(fixture), shown(item('mended', `by ${answers.indexOf('amended')}`)));
    strictEqual(await replica.amend(term, settle('again')), 'gone');
    deepStrictEqual(await told(fixture.replica()), ['2 DECODE_FAILED no'], 'the other letter is still there');
    deepStrictEqual(throughs(positionOf(await replica.load())), ['3', 'beginning']);
  });

  scenario('a letter is discarded without an effect, and its id is not given again', async (fixture) => {
    const replica = fixture.replica();
    const { term, ids } = await withTwo(replica);
    for (const letter of ids) strictEqual(await replica.amend(term, { changes: [], letter }), 'amended');
    deepStrictEqual(await idsOf(replica), []);
    await replica.apply(term, [{ ...batch(p0, '3', '4'), rejected: [deadLetter('4', new DecodeFailed('no'))] }]);
    const [next] = await replica.letters({ limit: 10 });
    ok(next !== undefined && !ids.includes(next.id));
    strictEqual((await fixture.rows()).size, 0);
  });

  scenario('letters outlive a bootstrap', async (fixture) => {
    const replica = fixture.replica();
    const { ids } = await withTwo(replica);
    const term = await bootstrapped(replica, position('9'), item('a'));
    deepStrictEqual(await idsOf(replica), ids);
    const [letter] = ids;
    strictEqual(await replica.amend(term, { changes: [upsert(item('b'))], letter }), 'amended');
    deepStrictEqual(await contents(fixture), shown(item('a'), item('b')));
  });
}

/** A ready replica with two letters. */
async function withTwo(replica: ReturnType<ReplicaFixture['replica']>) {
  const term = await bootstrapped(replica, position('0'));
  const rejected = ['1', '2'].map((offset) => deadLetter(offset, new DecodeFailed('no')));
  await replica.apply(term, [{ ...batch(p0, '0', '3'), rejected }]);
  const ids = await idsOf(replica);
  strictEqual(new Set(ids).size, 2);
  return { term, ids };
}

const told = async (replica: Pick<Replica<never>, 'letters'>, limit = 10): Promise<string[]> =>
  Array.from(await replica.letters({ limit }), ({ record, code, message }) => `${record.offset} ${code} ${message}`);

const idsOf = async (replica: Pick<Replica<never>, 'letters'>): Promise<string[]> =>
  Array.from(await replica.letters({ limit: 10 }), ({ id }) => id);

/** Bytes as text: a `Buffer` isn't equal to a `Uint8Array`. */
const plain = ({ key, value, headers, ...rest }: LogRecord) => ({
  ...rest,
  key: text(key),
  value: text(value),
  headers: [...headers].map(([name, bytes]) => [name, text(bytes)]),
});
const text = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('latin1');

function deadLetter(offset: string, error: DeadLetter['error']): DeadLetter {
  const record: LogRecord = {
    key: Buffer.from('k'),
    value: Buffer.from([0, 255, 34]),
    headers: new Map([['h', Buffer.from('v')]]),
    timestamp: 1_700_000_000_000,
    offset: decimal(offset),
  };
  return { record, error };
}
