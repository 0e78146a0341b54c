/**
 * What `npm run proof` runs, in this order: the quick ones first. `script` is an npm script; `tail`: how many of the last lines of its
 * output are the result; `page`: the page of docs/proof that gets it, where that isn't called as the suite is.
 */
export const suites = [
  { name: 'bench', script: 'bench', args: ['core', 'http', 'sqlite', 'memory', 'nats'], takes: '35 minutes', tail: 25 },
  { name: 'mutants', script: 'mutants', args: [], takes: '5 minutes', tail: 1 },
  { name: 'soak', script: 'soak', args: ['--minutes', '30', '--seed', '1'], takes: '30 minutes', tail: 6 },
  { name: 'chaos', script: 'chaos', args: ['--rounds', '500', '--seed', '1'], takes: '40 minutes', tail: 18 },
  {
    name: 'chaos-kafka',
    script: 'chaos',
    args: ['--broker', 'kafka', '--rounds', '100', '--seed', '1'],
    takes: '15 minutes',
    tail: 20,
    page: 'chaos',
  },
  {
    name: 'chaos-nats',
    script: 'chaos',
    args: ['--broker', 'nats', '--rounds', '100', '--seed', '1'],
    takes: '20 minutes',
    tail: 22,
    page: 'chaos',
  },
  { name: 'model', script: 'model', args: ['--full'], takes: '1 hour', tail: 20 },
  { name: 'fuzz', script: 'fuzz', args: ['--runs', '1000000', '--seed', '1'], takes: '2 hours', tail: 20 },
  { name: 'simulate', script: 'simulate', args: ['--seeds', '1000000'], takes: '4 hours', tail: 20 },
];

/** As it is typed. */
export const commandOf = ({ script, args }) =>
  ['npm run', script, ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
