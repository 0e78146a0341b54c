import { beginning, decimal, type Offset, type Page } from '@tidemark/core';
import fc from 'fast-check';
import { Lane } from '../src/lane';

const unplaced = (value: string, key: string | null = 'k', timestamp = 0) => ({
  key: key === null ? null : Buffer.from(key),
  value: Buffer.from(value),
  headers: new Map<string, Uint8Array>(),
  timestamp,
});

const pageOf = (lane: Lane, after: Offset): Page => {
  const page = lane.page(after);
  if ('lost' in page) throw new Error(`lost: ${page.lost}`);
  return page;
};

/** Everything after `after`, page by page. */
function readAll(lane: Lane, after: Offset): string[] {
  const values: string[] = [];
  for (let at = after; ;) {
    const { records, through, atHead } = pageOf(lane, at);
    values.push(...records.map(({ value }) => Buffer.from(value ?? []).toString()));
    if (atHead) return values;
    at = through;
  }
}

const filled = (count: number): Lane => {
  const lane = new Lane();
  lane.append(Array.from({ length: count }, (_, i) => unplaced(`v${i}`)));
  return lane;
};

describe('a lane', () => {
  it('gives every record after an offset, whatever was appended, skipped and trimmed', () => {
    const step = fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ gap: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ trimTo: fc.nat(30) }),
      fc.record({ truncate: fc.nat(3) }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const lane = new Lane();
        let model: { offset: number; value: string }[] = [];
        let next = 0;
        let trimmed = -1;
        for (const [i, { append, gap, trimTo, truncate }] of steps.map(all).entries()) {
          const values = Array.from({ length: append }, (_, n) => `${i}.${n}`);
          if (append > 0) lane.append(values.map((value) => unplaced(value)));
          for (const value of values) model.push({ offset: next++, value });
          if (gap > 0) lane.gap(gap);
          next += gap;
          if (trimTo !== undefined) {
            lane.trim(decimal(trimTo));
            const gone = model.filter(({ offset }) => offset < trimTo);
            trimmed = trimTo >= next ? next - 1 : (gone.at(-1)?.offset ?? trimmed);
            model = model.filter(({ offset }) => offset >= trimTo);
          }
          if (truncate > 0 && model.length > 0) {
            lane.truncate(truncate);
            model = model.slice(0, -truncate);
            next = (model.at(-1)?.offset ?? trimmed) + 1;
          }
        }
        expect(lane.head).toBe(next === 0 ? beginning : String(next - 1));
        expect(lane.trimmed).toBe(trimmed < 0 ? beginning : String(trimmed));
        for (let after = -1; after < next + 3; after++) {
          const offset = after < 0 ? beginning : decimal(after);
          if (after < trimmed) expect(lane.page(offset)).toEqual({ lost: 'expired' });
          else if (after >= next) expect(lane.page(offset)).toEqual(after < 0 ? expect.anything() : { lost: 'ahead' });
          else expect(readAll(lane, offset)).toEqual(model.filter((r) => r.offset > after).map(({ value }) => value));
        }
      }),
    );
  });

  it('cuts pages at a megabyte and at ten thousand records, and says what is still to come', () => {
    const big = new Lane();
    big.append(Array.from({ length: 10 }, () => unplaced('x'.repeat(400 * 1024))));
    expect(pageOf(big, beginning)).toMatchObject({ through: '2', atHead: false, lag: 7n });
    const many = pageOf(filled(25_000), beginning);
    expect([many.records.length, many.through, many.lag]).toEqual([10_000, '9999', 15_000n]);
  });

  it('proves with a witness which record stood at the page’s start', () => {
    const [one, other] = [filled(3), new Lane()];
    other.append(['v0', 'changed', 'v2'].map((value) => unplaced(value)));
    expect(pageOf(one, beginning).witness).toBeUndefined();
    expect(pageOf(one, decimal(1)).witness).toBeDefined();
    expect(pageOf(one, decimal(1)).witness).not.toBe(pageOf(other, decimal(1)).witness);
    expect(pageOf(one, decimal(0)).witness).toBe(pageOf(other, decimal(0)).witness);
    one.gap(1);
    expect(pageOf(one, decimal(3)).witness).toBeUndefined();
  });

  it('keeps only as many records as it is told to', () => {
    const lane = new Lane(3);
    lane.append(['a', 'b'].map((value) => unplaced(value)));
    expect(lane.trimmed).toBe(beginning);
    lane.append(['c', 'd', 'e'].map((value) => unplaced(value)));
    expect([lane.trimmed, lane.head, lane.size]).toEqual(['1', '4', 3]);
    expect(lane.page(decimal(0))).toEqual({ lost: 'expired' });
    expect(readAll(lane, decimal(1))).toEqual(['c', 'd', 'e']);
  });

  it('compacts to the last record of each key, and its offsets stay', () => {
    const lane = new Lane();
    for (const [key, value] of [
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
      [null, '4'],
      [null, '5'],
    ] as const)
      lane.append([unplaced(value, key)]);
    lane.compact();
    expect(pageOf(lane, beginning).records.map(({ offset }) => offset)).toEqual(['1', '2', '3', '4']);
    expect(pageOf(lane, decimal(0)).witness).toBeUndefined();
    expect(readAll(lane, decimal(0))).toEqual(['2', '3', '4', '5']);
  });

  it('counts beyond 2^53', () => {
    const lane = new Lane();
    lane.gap(Number.MAX_SAFE_INTEGER);
    lane.append(['a', 'b', 'c'].map((value) => unplaced(value)));
    expect(pageOf(lane, lane.trimmed).records.map(({ offset }) => offset)).toEqual([
      '9007199254740991',
      '9007199254740992',
      '9007199254740993',
    ]);
    expect(readAll(lane, decimal('9007199254740992'))).toEqual(['c']);
  });

  it('wakes whoever waits, at any change, and forgets who stopped waiting', async () => {
    const { signal } = new AbortController();
    const changes = [
      (lane: Lane) => lane.append([unplaced('x')]),
      (lane: Lane) => lane.gap(1),
      (lane: Lane) => lane.trim(undefined),
      (lane: Lane) => lane.truncate(1),
    ];
    for (const change of changes) {
      const lane = filled(1);
      const waiting = lane.changed(signal);
      change(lane);
      await expect(waiting).resolves.toBeUndefined();
    }
    const abort = new AbortController();
    const aborted = filled(1).changed(abort.signal);
    abort.abort(new Error('stop'));
    await expect(aborted).rejects.toThrow('stop');
  });
});

const all = (step: { append?: number; gap?: number; trimTo?: number; truncate?: number }) => ({
  append: step.append ?? 0,
  gap: step.gap ?? 0,
  trimTo: step.trimTo,
  truncate: step.truncate ?? 0,
});
