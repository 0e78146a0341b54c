import { differences, linesOf, ndjson, oracleDifferences } from '../src/compare';

const rows = [
  { id: 'b', n: 2 },
  { n: 1, id: 'a' },
];

it('finds nothing between equal rows, whatever their order and that of their properties', () => {
  expect(
    differences(
      linesOf(rows, 'id'),
      linesOf(
        [
          { id: 'a', n: 1 },
          { n: 2, id: 'b' },
        ],
        'id',
      ),
    ),
  ).toEqual([]);
});

it('finds each row that differs, is missing or is too many', () => {
  const replica = [
    { id: 'b', n: 3 },
    { id: 'c', n: 0 },
  ];
  expect(differences(linesOf(rows, 'id'), linesOf(replica, 'id'))).toEqual([
    'expected {"id":"b","n":2}\n   found {"id":"b","n":3}',
    'missing in the replica: {"id":"a","n":1}',
    'only in the replica: {"id":"c","n":0}',
  ]);
});

it('refuses rows that it cannot tell apart', () => {
  expect(() => linesOf([{ id: 'a' }, { id: 'a' }], 'id')).toThrow(TypeError);
  expect(() => linesOf([{ n: 1 }], 'id')).toThrow(TypeError);
});

it('writes sorted NDJSON', () => {
  expect(ndjson(linesOf(rows, 'id'))).toBe('{"id":"a","n":1}\n{"id":"b","n":2}\n');
  expect(ndjson(new Map())).toBe('');
});

it('compares with what an oracle knows', async () => {
  const oracle = (a: string) => ({
    name: 'somebody',
    expected: async () =>
      new Map([
        ['a', a],
        ['b', '2'],
      ]),
    content: (row: object) => String((row as { n: number }).n),
  });
  expect(await oracleDifferences(oracle('1'), rows, 'id')).toEqual([]);
  expect(await oracleDifferences(oracle('5'), rows, 'id')).toEqual(['by somebody, expected a: 5\n   found a: 1']);
});
