import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bounds, boundsFor, excess, type Growth, growthOf, type Moment } from './bounds';
import { slopePerMinute } from './slope';

interface Report {
  readonly breaks: number;
  readonly snapshots: number;
  readonly grown: Readonly<Record<string, Growth>>;
  readonly wrong: readonly string[];
}

const soak = (...args: readonly string[]) =>
  // it ends its processes when it is ended
  promisify(execFile)(process.execPath, [join(__dirname, '../dist/soak/main.js'), ...args], { timeout: 170_000 });

it('I9: half a minute of reconnects and a slow consumer: nothing grows beyond the reduced bounds', async () => {
  const { stdout } = await soak('--minutes', '0.5', '--json');
  const { breaks, snapshots, grown, wrong } = JSON.parse(stdout) as Report;
  expect(wrong).toEqual([]);
  expect(Object.keys(grown)).toEqual(['A', 'B', 'slow B']);
  expect(breaks).toBeGreaterThan(5);
  expect(snapshots).toBeGreaterThan(0);
});

it.each([
  ['no minutes', ['--minutes', 'some']],
  ['an unknown option', ['--quick']],
])('%s is refused, with nothing on stdout', async (_, args) => {
  await expect(soak(...args)).rejects.toMatchObject({ code: 2, stdout: '' });
});

describe('what counts as growth', () => {
  const mib = 2 ** 20;
  const over = (minutes: number, of: (minute: number) => Partial<Moment>): Moment[] =>
    Array.from({ length: 60 }, (_, i) => {
      const minute = (minutes * i) / 60;
      return { ms: minute * 60_000, heap: 20 * mib, rss: 90 * mib, handles: 12, files: 30, ...of(minute) };
    });
  const wrongOf = (moments: readonly Moment[], minutes: number) => excess('B', growthOf(moments), boundsFor(minutes));

  it('the slope is that of least squares', () => {
    expect(slopePerMinute([0, 1, 2, 3].map((minute) => ({ ms: minute * 60_000, value: 5 + 3 * minute })))).toBeCloseTo(
      3,
    );
    expect(slopePerMinute([0, 1, 2, 3].map((i) => ({ ms: i * 60_000, value: i % 2 })))).toBeCloseTo(0.2);
    expect(slopePerMinute([{ ms: 7, value: 9 }])).toBe(0);
  });

  it('what swings, or warms up in the first third, is none', () => {
    expect(
      wrongOf(
        over(30, () => ({})),
        30,
      ),
    ).toEqual([]);
    expect(
      wrongOf(
        over(30, (minute) => ({ heap: (20 + 5 * Math.sin(minute * 7)) * mib })),
        30,
      ),
    ).toEqual([]);
    expect(
      wrongOf(
        over(30, (minute) => ({ rss: Math.min(90, 40 + 9 * minute) * mib })),
        30,
      ),
    ).toEqual([]);
  });

  it.each([
    ['the heap', (minute: number) => ({ heap: (20 + 1.5 * minute) * mib })],
    ['the RSS', (minute: number) => ({ rss: (90 + 3 * minute) * mib })],
    ['the handles', (minute: number) => ({ handles: 12 + Math.round(minute) })],
    ['the open files', (minute: number) => ({ files: 30 + Math.round(minute) })],
  ])('%s that grow are named', (what, of) => {
    const wrong = wrongOf(over(30, of), 30);
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toContain(`B: ${what} grow by`);
  });

  it('a short run has looser bounds', () => {
    expect([boundsFor(0.5), boundsFor(5), boundsFor(30)]).toEqual([bounds.reduced, bounds.whole, bounds.whole]);
  });
});
