import * as fc from 'fast-check';

/** What somebody might write into bytes that were right. */
const splinters = fc.oneof(
  fc
    .constantFrom(
      ...[
        '"__proto__":',
        '{}',
        '[]',
        '[[[[',
        '}}',
        '""',
        'null',
        '-0',
        '1e999',
        '9007199254740993',
        '\u0000',
        '\ufeff',
      ],
      ...['"\\ud800"', '"\\u005f_proto__":1,', '\n', '\r', '\r\n\r\n', 'data:', '%', '=', '-1', 'now', 'beginning'],
    )
    .map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => Buffer.from(text)),
  fc.constant(Buffer.from('['.repeat(20_000))),
);

/** One change, at places that are parts of the length. */
type Edit = (bytes: Buffer) => Buffer;

const part = fc.double({ min: 0, max: 1, noNaN: true });
const at = (bytes: Buffer, where: number) => Math.floor(where * bytes.length);

const edits: fc.Arbitrary<Edit> = fc.oneof(
  // flipped
  fc.tuple(part, fc.integer({ min: 1, max: 255 })).map(([where, mask]) => (bytes: Buffer) => {
    const changed = Buffer.from(bytes);
    const i = Math.min(at(bytes, where), bytes.length - 1);
    if (bytes.length > 0) changed[i] = (changed[i] ?? 0) ^ mask;
    return changed;
  }),
  // cut off
  part.map((where) => (bytes: Buffer) => bytes.subarray(0, at(bytes, where))),
  // left out, or doubled
  fc.tuple(part, part, fc.boolean()).map(([a, b, twice]) => (bytes: Buffer) => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)].map((where) => at(bytes, where)) as [number, number];
    return Buffer.concat([bytes.subarray(0, twice ? to : from), bytes.subarray(twice ? from : to)]);
  }),
  // put in
  fc.tuple(part, splinters).map(([where, splinter]) => (bytes: Buffer) => {
    const i = at(bytes, where);
    return Buffer.concat([bytes.subarray(0, i), splinter, bytes.subarray(i)]);
  }),
);

/** These bytes after a few changes, now and then after none. */
export const mutated = (...originals: readonly (Buffer | string)[]): fc.Arbitrary<Buffer> =>
  fc.tuple(fc.constantFrom(...originals), fc.array(edits, { maxLength: 4 })).map(([original, all]) => {
    let bytes: Buffer = Buffer.from(original);
    for (const edit of all) bytes = edit(bytes);
    return bytes;
  });

/** In pieces, cut wherever. */
export const inPieces = (bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<readonly Buffer[]> =>
  fc.tuple(bytes, fc.array(part, { maxLength: 4 })).map(([all, cuts]) => {
    const places = [0, ...cuts.map((where) => at(all, where)).sort((a, b) => a - b), all.length];
    return places.slice(1).map((to, i) => all.subarray(places[i], to));
  });
