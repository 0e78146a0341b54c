import { InvalidConfiguration } from '@tidemark/core';
import { type StreamInfo } from '../src/jetstream';
import { SubjectPattern } from '../src/subject-pattern';
import { filtersOf, keysOf, streamTopics } from '../src/topics';

const info = (subjects?: readonly string[]) => ({ config: { subjects } }) as StreamInfo;

it('a list of streams: each is called as it is', () => {
  const { names, byName } = streamTopics(['ORDERS', 'PRICES']);
  expect(names).toEqual({ ORDERS: 'ORDERS', PRICES: 'PRICES' });
  expect(byName.get('ORDERS')).toMatchObject({ name: 'ORDERS', stream: 'ORDERS', keeps: 'log', publishTo: undefined });
  expect([...(byName.get('ORDERS')?.partitions ?? [])]).toEqual([['0', []]]);
});

it("some of a stream's subjects are one partition, and part of the name in positions", () => {
  const { names, byName } = streamTopics({ orders: { stream: 'SHOP', subjects: ['shop.orders.*', 'shop.refunds.*'] } });
  expect(names).toEqual({ orders: 'SHOP/shop.orders.*,shop.refunds.*' });
  const topic = byName.get(names.orders);
  expect([...(topic?.partitions.values() ?? [])].map((filters) => filters.map(({ text }) => text))).toEqual([
    ['shop.orders.*', 'shop.refunds.*'],
  ]);
  expect(topic?.publishTo?.text).toBe('shop.orders.*');
});

it('partitions are subjects, each with its own filter', () => {
  const { names, byName } = streamTopics({ orders: { stream: 'SHOP', partitions: ['y.0.>', 'y.1.>'] } });
  expect(names.orders).toBe('SHOP');
  expect([...(byName.get('SHOP')?.partitions.keys() ?? [])]).toEqual(['y.0.>', 'y.1.>']);
  const found = filtersOf(byName, { topic: 'SHOP', partition: 'y.1.>' });
  expect(found?.filters.map(({ text }) => text)).toEqual(['y.1.>']);
  expect(filtersOf(byName, { topic: 'SHOP', partition: '0' })).toBeUndefined();
  expect(filtersOf(byName, { topic: 'OTHER', partition: 'y.1.>' })).toBeUndefined();
});

it("keys stand where a partition's filters say, or where the topic publishes, or where the stream listens", () => {
  const texts = (patterns: readonly SubjectPattern[]) => patterns.map(({ text }) => text);
  const whole = streamTopics(['S']).byName.get('S');
  const publishing = streamTopics({ s: { stream: 'S', publishTo: 'a.*' } }).byName.get('S');
  if (whole === undefined || publishing === undefined) throw new Error('no topic');
  expect(texts(keysOf(whole, [new SubjectPattern('x.*')], info(['b.*'])))).toEqual(['x.*']);
  expect(texts(keysOf(publishing, [], info(['b.*'])))).toEqual(['a.*']);
  expect(texts(keysOf(whole, [], info(['b.*', 'c.>'])))).toEqual(['b.*', 'c.>']);
  expect(keysOf(whole, [], info())).toEqual([]);
});

it.each([
  ['no topic', {}],
  ['a name that no stream has', { a: { stream: 'my.stream' } }],
  ['a name with a wildcard', { a: { stream: '*' } }],
  ['both subjects and partitions', { a: { stream: 'S', subjects: ['a.*'], partitions: ['b.*'] } }],
  ['an empty list of subjects', { a: { stream: 'S', subjects: [] } }],
  ['an empty list of partitions', { a: { stream: 'S', partitions: [] } }],
  ['a subject that is none', { a: { stream: 'S', subjects: ['a..b'] } }],
  ['two topics of one stream', { a: { stream: 'S' }, b: { stream: 'S' } }],
])('%s is refused', (_, topics) => {
  expect(() => streamTopics(topics)).toThrow(InvalidConfiguration);
});
