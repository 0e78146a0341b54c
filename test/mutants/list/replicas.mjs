import { change } from '../mutant.mjs';

const invariants = 'packages/core/test/invariants.test.ts';
const liveView = 'packages/testkit/test/live-view.contract.test.ts';
const deliverTo = 'packages/core/test/deliver-to.test.ts';

/** Replicas in memory, and deliveries to handlers. @type {readonly import('../mutant.mjs').Mutant[]} */
export const replicas = [
  {
    name: 'I2-no-compare-and-set',
    what: 'A batch is applied wherever its partition stands, unless it ends exactly there: two readers, or a repeated commit, double effects.',
    changes: [
      change(
        'core/src/in-process.ts',
        'if (mark.through !== after) return { moved: mark };',
        'if (mark.through === through.through) return { moved: mark };',
      ),
    ],
    caughtBy: { [invariants]: ['I2: two instances that read everything into one replica apply each record once'] },
  },
  {
    name: 'I11-any-term',
    what: 'A replica takes what was read under a term that is over.',
    changes: [
      change(
        'core/src/in-process.ts',
        "if (stored.state !== 'ready' || stored.term !== term) throw",
        "if (stored.state !== 'ready') throw",
      ),
    ],
    caughtBy: { [liveView]: ['I11: ready: refuses apply of every other term'] },
  },
  {
    name: 'I11-take-unseen',
    what: 'The term is taken whatever has become of the replica since it was looked at.',
    changes: [
      change(
        'core/src/in-process.ts',
        'if (!stillTrue(before, seen)) throw',
        'if (stillTrue(before, seen) === undefined) throw',
      ),
    ],
    caughtBy: { [liveView]: ['I11: of many who take at once, one wins and the others lose'] },
  },
  {
    name: 'M7-position-before-the-effect',
    what: 'The position is saved first, and the handler called after that: a crash in between loses the effect.',
    changes: [
      change(
        'core/src/deliver-to.ts',
        '    const given: DeadLetter[] = [];\n',
        '    await this.save(snapshotId, { partition: batch.partition, after: batch.after, through: batch.through, rejected: [] });\n    const given: DeadLetter[] = [];\n',
      ),
    ],
    caughtBy: { [deliverTo]: ['I5: a position is never saved while an effect before it is open'] },
  },
  {
    name: 'I11-positions-of-any-snapshot',
    what: 'A position is saved although somebody else has bootstrapped since.',
    changes: [
      change('memory/src/memory-positions.ts', 'if (current?.snapshotId !== snapshotId)', 'if (current === undefined)'),
    ],
    caughtBy: {
      'packages/memory/test/memory-positions.test.ts': [
        'I11: refuse another snapshot’s saves and other places, and save nothing of the rest',
      ],
    },
  },
  {
    name: 'I3-key-in-two-lanes',
    what: 'Handlers of one key run at the same time.',
    changes: [
      change(
        'core/src/deliver-to.ts',
        '    const given: DeadLetter[] = [];\n    const key = ({ message }: Origin<M>) => this.options.orderBy?.(message);\n',
        '    const given: DeadLetter[] = [];\n    const key = () => String(runs++);\n',
      ),
      change(
        'core/src/deliver-to.ts',
        'const never = new AbortController().signal;\n',
        'let runs = 0;\nconst never = new AbortController().signal;\n',
      ),
    ],
    caughtBy: { [deliverTo]: ['I3: keeps the order of a key, whatever the concurrency'] },
  },
];
