import {
  beginning,
  closed,
  decimal,
  type Description,
  judge,
  judgeAll,
  type Offset,
  OffsetMap,
  type Partition,
  type Position,
} from '../src';

const p0: Partition = { topic: 't', partition: '0' };
const p1: Partition = { topic: 't', partition: '1' };

/** A log with records 11..20 in partition 0, and nothing ever in partition 1. */
const log: Description = {
  source: { kind: 'toy', order: 'decimal', cluster: 'c', epochs: { t: 'e1' } },
  partitions: [
    { ...p0, trimmed: decimal(10), head: decimal(20) },
    { ...p1, trimmed: beginning, head: beginning },
  ],
};

const at = (through?: Offset, source: Partial<Position['source']> = {}): Position => {
  const empty = OffsetMap.empty('decimal');
  return { source: { ...log.source, ...source }, offsets: through === undefined ? empty : empty.with(p0, { through }) };
};

describe('judge', () => {
  it.each([
    ['expired', beginning],
    ['expired', decimal(9)],
    ['ok', decimal(10)],
    ['ok', decimal(15)],
    ['ok', decimal(20)],
    ['ahead', decimal(21)],
    ['ahead', decimal(100)],
    ['ok', closed],
  ] as const)('says %s at %s of a log that holds 11 to 20', (verdict, through) => {
    expect(judge(at(through), log, p0)).toMatchObject({ partition: p0, verdict });
  });

  it('I4: takes a partition that is not named to be at its beginning', () => {
    expect(judge(at(), log, p0).verdict).toBe('expired');
    expect(judge(at(), log, p1).verdict).toBe('ok');
  });

  it.each([{ kind: 'other' }, { order: 'lexical' as const }, { cluster: 'd' }, { epochs: { t: 'e2' } }])(
    'I7: says changed of another source: %j',
    (source) => {
      expect(judge(at(decimal(15), source), log, p0).verdict).toBe('changed');
      expect(judge(at(undefined, source), log, p1).verdict).toBe('changed');
    },
  );

  it('takes what can’t be proven for ok, and says so', () => {
    const { verdict, why } = judge(at(decimal(15), { cluster: undefined }), log, p0);
    expect(verdict).toBe('ok');
    expect(why).toMatch(/can't be proven/);
  });

  it('says unknown of a partition that the log does not have', () => {
    const stranger = { topic: 't', partition: '7' };
    expect(judge(at(decimal(15)), log, stranger).verdict).toBe('unknown');
  });

  it('names partition and offsets for people', () => {
    expect(judge(at(decimal(9)), log, p0).why).toMatch(/t\/0.*9.*10/);
    expect(judge(at(decimal(21)), log, p0).why).toMatch(/t\/0.*21.*20/);
    expect(judge(at(decimal(15), { epochs: { t: 'e2' } }), log, p0).why).toMatch(/e2.*e1/);
  });
});

describe('judgeAll', () => {
  it('judges what the log has of these topics and all that the position names, each once', () => {
    const strange = at(decimal(15)).offsets.with({ topic: 't', partition: '9' }, { through: decimal(1) });
    const position = {
      source: log.source,
      offsets: strange.with({ topic: 'other', partition: '0' }, { through: closed }),
    };
    const more = {
      ...log,
      partitions: [...log.partitions, { ...p0, topic: 'new', trimmed: beginning, head: beginning }],
    };
    const verdicts = judgeAll(position, more, ['t']).map(({ partition: { topic, partition }, verdict }) => [
      topic + partition,
      verdict,
    ]);
    expect(verdicts).toEqual([
      ['t0', 'ok'],
      ['t1', 'ok'],
      ['t9', 'unknown'],
      ['other0', 'unknown'],
    ]);
  });

  it('I7: judges all that the position names, whatever its topics are called, where it is of another log altogether', () => {
    const elsewhere = { topic: 'elsewhere', partition: '3' };
    const offsets = OffsetMap.empty('decimal').with(elsewhere, { through: decimal(7) });
    for (const other of [{ kind: 'other' }, { cluster: 'another' }]) {
      const position = { source: { ...log.source, ...other }, offsets };
      const verdicts = judgeAll(position, log, ['t']);
      expect(verdicts.map(({ verdict }) => verdict)).toEqual(['changed', 'changed', 'changed']);
      expect(verdicts.map(({ partition }) => partition)).toContainEqual(elsewhere);
    }
  });
});
