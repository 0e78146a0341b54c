import { decimal, following, type Offset } from '@tidemark/core';

/**
 * The last offset after `after` and before `end` that is proven to hold no record. A fetch answers with the batch that holds its
 * offset or the next one after it, so `isEmpty` (a fetch from there brings no record) is true up to the end of an empty batch and
 * false from there on: doubling steps and then halves find the place in a few requests.
 */
export async function stepOver(
  after: Offset,
  end: string,
  isEmpty: (offset: Offset) => Promise<boolean>,
): Promise<Offset> {
  const last = BigInt(end) - 1n;
  let empty = BigInt(following(after)); // the fetch from here brought nothing
  let step = 1n;
  while (empty < last && (await isEmpty(decimal(smaller(empty + step, last))))) {
    empty = smaller(empty + step, last);
    step *= 2n;
  }
  let full = smaller(empty + step, last + 1n);
  while (full - empty > 1n) {
    const middle = (empty + full) / 2n;
    if (await isEmpty(decimal(middle))) empty = middle;
    else full = middle;
  }
  return decimal(empty);
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
