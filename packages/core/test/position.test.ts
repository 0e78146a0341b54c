import fc from 'fast-check';
import {
  beginning,
  closed,
  comparePositions,
  covers,
  decimal,
  fromToken,
  joinPositions,
  MalformedPosition,
  OffsetMap,
  offsetsFromTps,
  offsetsToTps,
  type Position,
  PositionCodec,
  positionFromJson,
  positionToJson,
  SourceMismatch,
  toToken,
} from '../src';
import { name, offsetMap, position } from './support/arbitraries';

const at = (through: number, source: Partial<Position['source']> = {}): Position => ({
  source: { kind: 'kafka', order: 'decimal', cluster: 'c1', epochs: { t: 'e1' }, ...source },
  offsets: OffsetMap.from('decimal', [{ topic: 't', partition: '0', through: decimal(through) }]),
});

/** Only this error may come out, whatever went in. */
function orMalformed(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedPosition);
  }
}

describe('comparing positions', () => {
  it('compares those of one log', () => {
    expect(covers(at(2), at(1))).toBe(true);
    expect(covers(at(1), at(2))).toBe(false);
    expect(comparePositions(at(9), at(10))).toBe('before');
    expect(joinPositions(at(1), at(2)).offsets.through({ topic: 't', partition: '0' })).toBe('2');
  });

  it.each([{ kind: 'nats' }, { cluster: 'c2' }, { epochs: { t: 'e2' } }])(
    'I7: refuses those of different logs: %j',
    (other) => {
      for (const work of [covers, comparePositions, joinPositions]) {
        expect(() => work(at(1), at(1, other))).toThrow(SourceMismatch);
        expect(() => work(at(1, other), at(1))).toThrow(SourceMismatch);
      }
    },
  );

  it('I7: refuses another kind even where neither names a partition', () => {
    const empty = (kind: string): Position => ({ ...at(0, { kind }), offsets: OffsetMap.empty('decimal') });
    expect(() => covers(empty('a'), empty('b'))).toThrow(SourceMismatch);
  });

  it('takes what can’t be known for the same, and joins what either knows', () => {
    const unproven = at(1, { cluster: undefined, epochs: {} });
    expect(comparePositions(unproven, at(1))).toBe('equal');
    expect(joinPositions(unproven, at(2)).source).toEqual(at(2).source);
    const epochs = Object.fromEntries([['__proto__', 'e3']]);
    const joined = joinPositions(at(1, { epochs }), at(1)).source.epochs;
    expect(Object.entries(joined).sort()).toEqual([
      ['__proto__', 'e3'],
      ['t', 'e1'],
    ]);
  });
});

describe('the written forms', () => {
  const same = (a: Position, b: Position) => {
    expect(a.source.cluster).toBe(b.source.cluster);
    expect(Object.entries(a.source.epochs)).toEqual(Object.entries(b.source.epochs));
    expect([a.source.kind, a.source.order]).toEqual([b.source.kind, b.source.order]);
    expect([...a.offsets]).toEqual([...b.offsets]);
  };

  it('come back as they went in: JSON', () => {
    fc.assert(fc.property(position, (p) => same(positionFromJson(JSON.parse(JSON.stringify(positionToJson(p)))), p)));
  });

  it('come back as they went in: token, safe in headers and URLs', () => {
    fc.assert(
      fc.property(position, (p) => {
        const token = toToken(p);
        expect(encodeURIComponent(token)).toBe(token);
        same(fromToken(token), p);
      }),
    );
  });

  it('come back as they went in: the io-ts codec', () => {
    fc.assert(
      fc.property(position, (p) => {
        const decoded = PositionCodec.decode(PositionCodec.encode(p));
        expect(decoded).toMatchObject({ _tag: 'Right' });
        if (decoded._tag === 'Right') same(decoded.right, p);
        expect(PositionCodec.is(p)).toBe(true);
      }),
    );
    expect(PositionCodec.decode({ v: 2 })._tag).toBe('Left');
    expect(PositionCodec.is({})).toBe(false);
  });

  it('leave prototypes alone', () => {
    const json: unknown = JSON.parse(
      '{"v":1,"source":{"kind":"k","order":"decimal","epochs":{"__proto__":"e"}},"partitions":[{"topic":"__proto__","partition":"__proto__","through":"1"}]}',
    );
    const read = positionFromJson(json);
    expect(read.offsets.through({ topic: '__proto__', partition: '__proto__' })).toBe('1');
    expect(Object.getPrototypeOf(read.source.epochs)).toBe(Object.prototype);
    expect(Object.hasOwn(read.source.epochs, '__proto__')).toBe(true);
    expect(Object.keys({})).toEqual([]);
  });
});

describe('what comes from outside is whole or malformed', () => {
  const whole = positionToJson(at(1));
  const [one] = whole.partitions;

  it.each([
    ['nothing', null],
    ['text', 'v1'],
    ['an array', []],
    ['another version', { ...whole, v: 2 }],
    ['no source', { v: 1, partitions: [] }],
    ['another order', { ...whole, source: { ...whole.source, order: 'numeric' } }],
    ['epochs that are no text', { ...whole, source: { ...whole.source, epochs: { t: 1 } } }],
    ['a number as offset', { ...whole, partitions: [{ ...one, through: 1 }] }],
    ['a leading zero', { ...whole, partitions: [{ ...one, through: '01' }] }],
    [
      'an empty lexical offset',
      { v: 1, source: { ...whole.source, order: 'lexical' }, partitions: [{ ...one, through: '' }] },
    ],
    ['a partition twice', { ...whole, partitions: [one, one] }],
    ['a witness that is no text', { ...whole, partitions: [{ ...one, witness: 1 }] }],
  ])('JSON with %s', (_, json) => {
    expect(() => positionFromJson(json)).toThrow(MalformedPosition);
  });

  it('any JSON, any token, any tps', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (anything) => {
        orMalformed(() => positionFromJson(anything));
        orMalformed(() => offsetsFromTps(anything));
        orMalformed(() => offsetsFromTps(anything, 'last'));
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.json().map(encoded)), (text) =>
        orMalformed(() => fromToken(text)),
      ),
    );
  });

  it('JSON of the right form with something wrong in it', () => {
    const almost = fc.record(
      {
        v: fc.constantFrom(1, 2, '1'),
        source: fc.record(
          {
            kind: fc.oneof(name, fc.anything()),
            order: fc.constantFrom('decimal', 'lexical', 'x'),
            epochs: fc.oneof(fc.dictionary(name, name), fc.anything()),
            cluster: fc.anything(),
          },
          { requiredKeys: ['kind', 'order'] },
        ),
        partitions: fc.oneof(
          fc.array(fc.record({ topic: name, partition: name, through: fc.oneof(name, fc.nat().map(String)) })),
          fc.anything(),
        ),
      },
      { requiredKeys: ['v', 'source'] },
    );
    fc.assert(fc.property(almost, (json) => orMalformed(() => positionFromJson(json))));
  });

  it('a token that was cut off anywhere', () => {
    const token = toToken(at(1));
    for (let length = 0; length < token.length; length++)
      expect(() => fromToken(token.slice(0, length))).toThrow(MalformedPosition);
    expect(() => fromToken(`${token}=`)).toThrow(MalformedPosition);
  });
});

const encoded = (json: string) => Buffer.from(json).toString('base64url');

describe('the paper’s tps', () => {
  const paper = [
    { topic: 'a', partition: 0, offset: 43 },
    { topic: 'a', partition: '1', offset: '0' },
  ];

  it('names the next offset, unless told otherwise', () => {
    const next = offsetsFromTps(paper);
    expect([next.through({ topic: 'a', partition: '0' }), next.through({ topic: 'a', partition: '1' })]).toEqual([
      '42',
      beginning,
    ]);
    const last = offsetsFromTps(paper, 'last');
    expect([last.through({ topic: 'a', partition: '0' }), last.through({ topic: 'a', partition: '1' })]).toEqual([
      '43',
      '0',
    ]);
  });

  it('comes back as it went in, either way', () => {
    fc.assert(
      fc.property(offsetMap, fc.constantFrom('next' as const, 'last' as const), (map, meaning) => {
        const open = map.filter(({ through }) => through !== closed);
        const written: unknown = JSON.parse(JSON.stringify(offsetsToTps(open, meaning)));
        expect(offsetsFromTps(written, meaning).compare(open)).toBe('equal');
      }),
    );
  });

  it.each([
    ['an offset beyond 2^53 as a number', [{ topic: 'a', partition: 0, offset: 2 ** 53 }]],
    ['a negative offset', [{ topic: 'a', partition: 0, offset: -1 }]],
    ['half an offset', [{ topic: 'a', partition: 0, offset: 0.5 }]],
    ['no number at all', [{ topic: 'a', partition: 0, offset: 'latest' }]],
    ['half a partition', [{ topic: 'a', partition: 0.5, offset: 1 }]],
    ['a partition beyond 2^53', [{ topic: 'a', partition: 2 ** 60, offset: 1 }]],
    ['a partition twice', [paper[0], { ...paper[0], partition: '0' }]],
    ['no array', { topic: 'a', partition: 0, offset: 1 }],
    ['no topic', [{ partition: 0, offset: 1 }]],
  ])('refuses %s', (_, tps) => {
    expect(() => offsetsFromTps(tps)).toThrow(MalformedPosition);
    expect(() => offsetsFromTps(tps, 'last')).toThrow(MalformedPosition);
  });

  it('takes offsets beyond 2^53 as text, exactly', () => {
    const read = offsetsFromTps([{ topic: 'a', partition: 0, offset: '9007199254740994' }]);
    expect(read.through({ topic: 'a', partition: '0' })).toBe('9007199254740993');
  });

  it('has no form for a closed partition or for lexical offsets', () => {
    const map = OffsetMap.from('decimal', [{ topic: 'a', partition: '0', through: closed }]);
    for (const meaning of ['next', 'last'] as const)
      expect(() => offsetsToTps(map, meaning)).toThrow(MalformedPosition);
    expect(() => offsetsToTps(OffsetMap.empty('lexical'))).toThrow(MalformedPosition);
  });

  it('reads thirty thousand partitions in a moment', () => {
    const many = Array.from({ length: 30_000 }, (_, partition) => ({ topic: 'a', partition, offset: partition }));
    const before = process.cpuUsage();
    expect(offsetsFromTps(many).size).toBe(30_000);
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_500); // not the time that others took
  });
});
