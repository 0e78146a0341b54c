import { parseOptions, UsageError } from '../src/options';

it('has defaults', () => {
  expect(parseOptions([])).toEqual({
    input: 'media',
    broker: 'embedded',
    repo: '.',
    file: undefined,
    dump: undefined,
    seed: 1,
    size: 2000,
    kills: 1,
  });
});

it('takes what it is given', () => {
  const args = ['--input', 'history', '--file', 'h.ndjson', '--dump', 'out', '--seed', '7', '--kills', '0'];
  expect(parseOptions([...args, '--broker', 'embedded', '--replica', 'sqlite'])).toMatchObject({
    ...{ input: 'history', file: 'h.ndjson', dump: 'out', seed: 7, kills: 0 },
  });
  for (const broker of ['kafka', 'nats']) expect(parseOptions(['--broker', broker])).toMatchObject({ broker });
  expect(parseOptions(['--help'])).toBe('help');
});

it.each([
  [['--bogus'], '--bogus'],
  [['extra'], 'extra'],
  [['--size'], '--size'],
  [['--size', '0'], '--size is a whole number, 1 or more; it was 0'],
  [['--kills', '1e3'], '--kills is a whole number'],
  [['--seed', '-1'], 'seed'],
  [['--input', 'csv'], '--input is media, git, history; it was csv'],
  [['--broker', 'rabbit'], '--broker is embedded, kafka, nats; it was rabbit'],
  [['--input', 'history'], 'needs --file'],
  [['--repo', '.'], '--repo belongs to --input git'],
  [['--input', 'git', '--size', '5'], '--size belongs to --input media'],
])('refuses %j', (args, why) => {
  expect(() => parseOptions(args)).toThrow(UsageError);
  expect(() => parseOptions(args)).toThrow(why);
});
