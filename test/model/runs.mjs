/**
 * What is checked: bounds under which the rules hold, and rules left out, each of which must give a counter-example.
 * `quick`: a part of `npm run model` and of the tests; the others are run with `--full`.
 */

/** No faults; each run adds those that it is about. */
const none = {
  Instances: '{b1, b2}',
  Partitions: '{p, q}',
  Late: '{}',
  MaxRecords: 1,
  MaxTerm: 2,
  Publishes: 2,
  Crashes: 0,
  Trims: 0,
  Recreations: 0,
  Refusals: 0,
  Breaks: 0,
  Unknowns: 0,
  Stale: true,
  Mirror: false,
  Resume: false,
  Takeover: '"any"',
  Without: '{}',
};

const invariants = ['I1_NoLoss', 'I2_NoDouble', 'I4_NeverLatest', 'I6_RowsAreOfThePosition', 'I11_OneWriter'];
const safe = [...invariants, 'I8_NeverBack'];
const harmless = safe.filter((name) => name !== 'I11_OneWriter');
/** Where nobody takes over from the living. */
const frugal = [...safe, 'OneReasonOneTerm'];
/** Where A is up to date besides, and there are terms enough. */
const lively = [...frugal, 'NoDeadEnd'];

const dead = { Takeover: '"dead"' };
const live = { ...dead, Stale: false };
const alone = { ...live, Instances: '{b1}' };

const quick = (run) => ({ ...run, quick: true });
const holds = (name, check, constants) => ({ name, module: 'handoff', constants: { ...none, ...constants }, check });

export const small = [
  quick(holds('retention', safe, { Trims: 1 })),
  quick(holds('re-creation', safe, { Recreations: 1, Publishes: 1 })),
  quick(holds('no dead end', lively, { ...alone, Crashes: 1, Recreations: 1, Publishes: 1, MaxTerm: 4 })),
];

const leaving = (rule) => ({ Without: `{"${rule}"}` });

export const full = [
  // each of these two rules keeps rows and position right where the other one stands
  holds('11 left out, 10 stands', harmless, { Trims: 1, ...leaving('11') }),
  holds('10 but when taking, 11 stands', safe, { Trims: 1, ...leaving('10 but when taking') }),
  holds('retention, re-creation, crash', safe, { Trims: 1, Recreations: 1, Crashes: 1 }),
  holds('two records', safe, { Trims: 1, MaxRecords: 2 }),
  holds('a mirror that is behind', safe, { Mirror: true, Trims: 1 }),
  holds('a partition is added', safe, { Late: '{q}', Trims: 1, Recreations: 1 }),
  holds('what is staged is gone on with', safe, { Resume: true, Breaks: 1, MaxTerm: 3 }),
  holds('three terms', safe, { Recreations: 1, MaxTerm: 3, Publishes: 1, Refusals: 1 }),
  holds('four terms', frugal, { ...dead, Recreations: 2, Publishes: 1, Crashes: 1, MaxTerm: 4 }),
  holds('no dead end, two instances', lively, { ...live, Crashes: 1, Recreations: 1, MaxTerm: 4 }),
  holds('no dead end, unknown outcomes', lively, {
    ...alone,
    ...{ Unknowns: 1, Refusals: 1, Recreations: 1, Trims: 1, Breaks: 1, MaxTerm: 6 },
  }),
];

/** Rules left out, what is then not true any more, and bounds that are enough to see it. */
const without = (rules, expected, constants) => ({
  ...holds(`without ${rules.join(' and ')}`, [expected], {
    ...constants,
    Without: `{${rules.map((rule) => `"${rule}"`).join(', ')}}`,
  }),
  expected,
});

export const mutants = [
  quick(without(['2'], 'I2_NoDouble', { Crashes: 1, Publishes: 1 })),
  without(['4'], 'I2_NoDouble', { Recreations: 1, Publishes: 1 }),
  quick(without(['5'], 'I4_NeverLatest', { Late: '{q}', Publishes: 1 })),
  without(['6'], 'I4_NeverLatest', { Trims: 1, MaxRecords: 2 }),
  without(['7'], 'I8_NeverBack', { Mirror: true, Publishes: 1 }),
  without(['9'], 'I8_NeverBack', { Trims: 1, MaxRecords: 2 }),
  quick(without(['10'], 'I8_NeverBack', { Trims: 1 })),
  without(['11'], 'I11_OneWriter', { Trims: 1 }),
  without(['11', '10 but when taking'], 'I8_NeverBack', { Trims: 1 }),
  quick(without(['13'], 'I8_NeverBack', { Recreations: 1, MaxTerm: 3 })),
  without(['14'], 'I8_NeverBack', { Recreations: 1, MaxTerm: 3 }),
  without(['14 while waiting'], 'I8_NeverBack', { ...dead, Recreations: 2, Publishes: 1, MaxTerm: 4, Crashes: 1 }),
  without(['15'], 'NoDeadEnd', { ...alone, Recreations: 2, Publishes: 1, Breaks: 1, MaxTerm: 4 }),
  quick(
    without(['15 before a takeover'], 'NoDeadEnd', { ...alone, Crashes: 1, Recreations: 1, Publishes: 1, MaxTerm: 4 }),
  ),
  without(['16 never'], 'NoDeadEnd', { ...alone, Crashes: 1, Publishes: 0 }),
  quick(without(['16 at once'], 'OneReasonOneTerm', { ...live, Publishes: 0 })),
  quick(without(['18'], 'I2_NoDouble', { Recreations: 1, Publishes: 1 })),
  without(['19'], 'NoDeadEnd', { ...live, Recreations: 1, Publishes: 1, MaxTerm: 3 }),
  without(['7', '19 for what was dropped'], 'NoDeadEnd', {
    ...alone,
    ...{ Mirror: true, MaxRecords: 2, Publishes: 3, Unknowns: 1, Crashes: 1, MaxTerm: 5 },
  }),
  without(['25'], 'I6_RowsAreOfThePosition', { Resume: true, Trims: 1 }),
  without(['26'], 'I1_NoLoss', { Resume: true, Crashes: 1 }),
];

const paper = (name, expected, constants) => ({
  ...{ name, module: 'listing1', check: [expected], expected, quick: true },
  constants: { MaxRecords: 2, Crashes: 1, WithTps: true, IfNone: '"latest"', ...constants },
});

/** The paper's Listing 1, as it stands. */
export const listing = [
  paper('poll, then subscribe', 'I1_NoLoss', { WithTps: false, Crashes: 0 }),
  paper('Listing 1', 'I1_NoLoss', {}),
  paper('Listing 1, from the earliest', 'I2_NoDouble', { IfNone: '"earliest"' }),
];
