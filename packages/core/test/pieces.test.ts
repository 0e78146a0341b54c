import * as fc from 'fast-check';
import { decimal, type Delivery, type LogRecord, witnessOf } from '../src';
import { inPieces } from '../src/pieces';

const partition = { topic: 'works', partition: '0' };

const recordAt = (offset: number, value: string): LogRecord => ({
  key: null,
  value: Buffer.from(value),
  headers: new Map(),
  timestamp: 7,
  offset: decimal(offset),
});

/** Runs of records that share an offset, of these lengths, after offset 100. */
const deliveryOf = (runs: readonly number[], ack: () => void = () => undefined): Delivery => ({
  type: 'delivery',
  topic: 'works',
  partition,
  after: decimal(100),
  through: { through: decimal(100 + runs.length), witness: 'of the log' },
  records: runs.flatMap((length, run) => Array.from({ length }, (_, i) => recordAt(101 + run, `${run}.${i}`))),
  atHead: true,
  lag: 3n,
  ack,
  restart: () => undefined,
});

/** All pieces, each acknowledged before the next one comes. */
function piecesOf(delivery: Delivery, size: number): { readonly piece: Delivery; readonly isLast: boolean }[] {
  const pieces: { piece: Delivery; isLast: boolean }[] = [];
  inPieces(delivery, size, (piece, isLast) => void pieces.push({ piece, isLast }));
  for (let next = 0; pieces[next]?.isLast === false; next++) {
    pieces[next]?.piece.ack();
    if (pieces.length !== next + 2) throw new Error('an ack brings exactly one piece');
  }
  return pieces;
}

describe('a delivery in pieces', () => {
  const runs = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 30 });
  const sizes = fc.integer({ min: 1, max: 9 });

  it('I1: chains from `after` to `through` and holds every record once, in order', () => {
    fc.assert(
      fc.property(runs, sizes, (lengths, size) => {
        const delivery = deliveryOf(lengths);
        const pieces = piecesOf(delivery, size).map(({ piece }) => piece);
        expect(pieces.flatMap(({ records }) => records)).toEqual(delivery.records);
        expect(pieces.map(({ after }) => after)).toEqual([
          delivery.after,
          ...pieces.slice(0, -1).map(({ through }) => through.through),
        ]);
        expect(pieces.at(-1)?.through).toBe(delivery.through);
      }),
    );
  });

  it('keeps records that share an offset together, and is otherwise as long as asked for', () => {
    fc.assert(
      fc.property(runs, sizes, (lengths, size) => {
        const pieces = piecesOf(deliveryOf(lengths), size).map(({ piece }) => piece);
        for (const { after, through, records } of pieces) {
          expect(records.every(({ offset }) => Number(offset) > Number(after))).toBe(true);
          expect(records.every(({ offset }) => Number(offset) <= Number(through.through))).toBe(true);
        }
        for (const { records } of pieces.slice(0, -1)) {
          expect(records.length).toBeGreaterThanOrEqual(size);
          expect(records.length).toBeLessThan(size + 4);
        }
      }),
    );
  });

  it('only the last piece is at the head; the others tell how much is still to come, and carry evidence of their end', () => {
    const pieces = piecesOf(deliveryOf([1, 1, 1, 1, 1]), 2);
    expect(pieces.map(({ piece: { atHead, lag }, isLast }) => ({ atHead, lag, isLast }))).toEqual([
      { atHead: false, lag: 6n, isLast: false },
      { atHead: false, lag: 4n, isLast: false },
      { atHead: true, lag: 3n, isLast: true },
    ]);
    expect(pieces[0]?.piece.through).toEqual({ through: '102', witness: witnessOf(recordAt(102, '1.0')) });
  });

  it('the delivery is acknowledged by its last piece, and only by that', () => {
    let acks = 0;
    const pieces = piecesOf(
      deliveryOf([1, 1, 1], () => acks++),
      1,
    );
    expect(acks).toBe(0);
    pieces.at(-1)?.piece.ack();
    expect(acks).toBe(1);
  });

  it('a delivery that is small enough is handed on as it is', () => {
    const delivery = deliveryOf([2, 1]);
    expect(piecesOf(delivery, 3)).toEqual([{ piece: delivery, isLast: true }]);
  });
});
