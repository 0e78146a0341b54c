import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { collect } from './collect';
import { type TransportContract, type TransportFixture, type TransportScenario } from './transport-fixture';

/** Records come back as they were published, byte by byte. */
export function recordScenarios<T extends string, F extends TransportFixture<T>>(
  scenario: TransportScenario<T, F>,
  { features = {}, biggest = 1024 * 1024 }: TransportContract<T, F>,
): void {
  scenario('tells a tombstone from an empty value', async (fixture, connect) => {
    await fixture.publish([{ key: 'k', value: 'there' }]);
    await fixture.publish([{ key: 'k', value: '' }]);
    await fixture.publish([{ key: 'k', value: null }]);
    deepStrictEqual((await collect(connect(), 3)).values, ['there', '', null]);
  });

  scenario('keeps headers', async (fixture, connect) => {
    const headers = { 'content-type': 'application/json', trace: 'žluťoučký kůň', empty: '' };
    await fixture.publish([
      { key: 'k', value: 'with', headers },
      { key: 'k', value: 'without' },
    ]);
    const { records } = await collect(connect(), 2);
    const texts = [...(records[0]?.headers ?? [])].map(([name, bytes]) => [name, Buffer.from(bytes).toString('utf8')]);
    deepStrictEqual(Object.fromEntries(texts), headers);
    strictEqual(records[1]?.headers.size, 0);
  });

  scenario('keeps keys and values of any text and any bytes', async (fixture, connect) => {
    const keys = ['plain', 'with space', 'ключ', '鍵🔑', '__proto__', 'a/b?c#d%e', '"quoted"\n'];
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    await fixture.publish(keys.map((key) => ({ key, value: bytes })));
    const { records } = await collect(connect(), keys.length);
    deepStrictEqual(records.map(({ key }) => Buffer.from(key ?? []).toString('utf8')).sort(), [...keys].sort());
    for (const { value } of records) deepStrictEqual(Buffer.from(value ?? []), Buffer.from(bytes));
  });

  scenario('carries big payloads', async (fixture, connect) => {
    const value = Buffer.alloc(biggest, 'tidemark ');
    await fixture.publish([{ key: 'big', value }]);
    await fixture.publish([{ key: 'big', value: 'small' }]);
    const { records } = await collect(connect(), 2);
    ok(value.equals(records[0]?.value ?? Buffer.alloc(0)), 'the payload came back whole');
    strictEqual(Buffer.from(records[1]?.value ?? []).toString('utf8'), 'small');
  });

  scenario('dates records in milliseconds', async (fixture, connect) => {
    const before = Date.now();
    await fixture.publish([{ key: 'k', value: 'now' }]);
    const [record] = (await collect(connect(), 1)).records;
    ok(record, 'a record');
    ok(Math.abs(record.timestamp - before) < 60_000, `within a minute of now: ${record.timestamp}`);
  });

  if (features.publishWithoutKey !== undefined) {
    const { publishWithoutKey } = features;
    scenario('hands over records that have no key', async (fixture, connect) => {
      await publishWithoutKey(fixture, 'keyless');
      const { records, values } = await collect(connect(), 1);
      deepStrictEqual(values, ['keyless']);
      strictEqual(records[0]?.key, null);
    });
  }
}
