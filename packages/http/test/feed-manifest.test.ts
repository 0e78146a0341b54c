import { beginning, decimal, type SyncError, TransportFault } from '@tidemark/core';
import * as fc from 'fast-check';
import { jsonOf } from '../src/feed-chunk';
import { manifestText, parseManifest } from '../src/feed-manifest';

const names = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', ''));
const offsets = fc.oneof(
  fc.constant(beginning),
  fc.bigInt({ min: 0n }).map((n) => decimal(n)),
);

const retention = fc.option(fc.nat(), { nil: undefined });

describe('the manifest', () => {
  it('comes back as it was, whatever the names', () => {
    const source = fc.record({
      kind: names,
      order: fc.constant('decimal' as const),
      cluster: fc.option(names, { nil: undefined }),
      epochs: fc.array(fc.tuple(names, names)).map((pairs) => Object.fromEntries(pairs)),
    });
    const partitions = fc.uniqueArray(
      fc.record({ topic: names, partition: names, trimmed: offsets, head: offsets, retentionMs: retention }),
      {
        selector: ({ topic, partition }) => JSON.stringify([topic, partition]),
      },
    );
    const topics = fc.array(fc.tuple(names, names)).map((pairs) => Object.fromEntries(pairs));
    fc.assert(
      fc.property(source, topics, partitions, (s, t, p) => {
        const manifest = parseManifest(jsonOf(manifestText(t, { source: s, partitions: p }), 'here'), 'here');
        expect(manifest.partitions).toEqual(p);
        expect([...manifest.topics]).toEqual(Object.entries(t));
        expect(Object.entries(manifest.source.epochs)).toEqual(Object.entries(s.epochs));
        expect({ ...manifest.source, epochs: {} }).toEqual({ ...s, epochs: {} });
      }),
    );
  });

  it('is refused with a typed error when it is anything else', () => {
    const good = {
      format: 'tidemark-feed',
      version: 1,
      source: { kind: 'k', order: 'decimal', epochs: {} },
      topics: {},
      partitions: [],
    };
    const partition = fc.record(
      {
        topic: fc.jsonValue(),
        partition: fc.jsonValue(),
        trimmed: fc.jsonValue(),
        head: fc.jsonValue(),
        retentionMs: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .tuple(fc.constantFrom(...Object.keys(good)), fc.jsonValue())
        .map(([name, value]) => JSON.stringify({ ...good, [name]: value })),
      fc.array(fc.oneof(partition, fc.jsonValue())).map((partitions) => JSON.stringify({ ...good, partitions })),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          parseManifest(jsonOf(text, 'here'), 'here');
        } catch (error) {
          expect(error).toBeInstanceOf(TransportFault);
          expect((error as SyncError).message).toContain('here');
        }
      }),
      { numRuns: 500 },
    );
    const many = Array.from({ length: 10_001 }, (_, i) => ({
      topic: 't',
      partition: String(i),
      trimmed: '0',
      head: '0',
    }));
    expect(() => parseManifest({ ...good, partitions: many }, 'here')).toThrow('more than 10000 partitions');
    for (const retentionMs of [-1, '7 days', {}])
      expect(() => parseManifest({ ...good, partitions: [{ ...many[0], retentionMs }] }, 'here')).toThrow(
        'retentionMs',
      );
    const twice = [many[0], many[0]];
    expect(() => parseManifest({ ...good, partitions: twice }, 'here')).toThrow('named twice');
  });
});
