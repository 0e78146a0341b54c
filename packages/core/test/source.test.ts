import fc from 'fast-check';
import { compareSources, epochOf, showSource, type Source } from '../src';
import { name } from './support/arbitraries';

const source: Source = { kind: 'kafka', order: 'decimal', cluster: 'c1', epochs: { t: 'e1' } };

describe('compareSources', () => {
  it.each([
    ['same', source],
    ['different', { ...source, kind: 'nats' }],
    ['different', { ...source, order: 'lexical' }],
    ['different', { ...source, cluster: 'c2' }],
    ['different', { ...source, epochs: { t: 'e2' } }],
    ['unproven', { ...source, cluster: undefined }],
    ['unproven', { ...source, epochs: {} }],
    ['unproven', { ...source, epochs: { other: 'e9' } }],
    ['different', { ...source, cluster: undefined, epochs: { t: 'e2' } }],
    ['different', { ...source, cluster: 'c2', epochs: {} }],
  ] as const)('I7: says %s of %j', (verdict, other) => {
    expect(compareSources(source, other, 't')).toBe(verdict);
    expect(compareSources(other, source, 't')).toBe(verdict);
  });

  it('looks at the epoch of the topic asked for, and of no other', () => {
    const other: Source = { ...source, epochs: { t: 'e1', u: 'e2' } };
    expect(compareSources(source, other, 't')).toBe('same');
    expect(compareSources({ ...source, epochs: { t: 'e1', u: 'e1' } }, other, 'u')).toBe('different');
  });

  it('knows only epochs that were told, whatever the topic is called', () => {
    for (const topic of ['__proto__', 'constructor', 'toString']) expect(epochOf(source, topic)).toBeUndefined();
    fc.assert(
      fc.property(name, name, (topic, epoch) => {
        const told: Source = { ...source, epochs: Object.fromEntries([[topic, epoch]]) };
        expect(epochOf(told, topic)).toBe(epoch);
        expect(compareSources(told, told, topic)).toBe('same');
      }),
    );
  });
});

it('is shown with its cluster, if it has one', () => {
  expect(showSource(source)).toBe('kafka (c1)');
  expect(showSource({ ...source, cluster: undefined })).toBe('kafka');
});
