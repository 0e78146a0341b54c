import { change } from '../mutant.mjs';

const invariants = 'packages/core/test/invariants.test.ts';
const handoff = 'packages/core/test/handoff.test.ts';
const resumed = 'packages/core/test/resumed-snapshot.test.ts';

/** From the snapshot to the swap. @type {readonly import('../mutant.mjs').Mutant[]} */
export const bootstrap = [
  {
    name: 'M3-rows-before-the-position',
    what: "A's rows are read first, and the head of its log after them: what happened in between is lost.",
    changes: [
      change(
        'core/src/rows-snapshot.ts',
        "      const position = await log.locate('head', signal);\n",
        `      const early = Object.fromEntries(
        Object.entries<any>(rows).map(([topic, of]) => {
          const all = [...of(new URLSearchParams(scope), undefined)];
          return [topic, () => all];
        }),
      );
      const position = await log.locate('head', signal);
      rows = early as any;
`,
      ),
    ],
    caughtBy: {
      'packages/core/test/rows-snapshot.test.ts': [
        'I1: asks for no row before the head is known, however long that takes',
        'I1: an update while the rows are read is in them, and comes again after the position',
      ],
    },
  },
  {
    name: 'I6-staged-in-the-open',
    what: 'Rows of a snapshot are shown while it is still coming in.',
    changes: [
      change(
        'core/src/live-view.ts',
        '    stage: (changes) => {\n      write(staged, changes, key);\n',
        '    stage: (changes) => {\n      write(rows, changes, key);\n      write(staged, changes, key);\n',
      ),
    ],
    caughtBy: {
      [invariants]: [
        'I6: a snapshot that is cut off shows nothing of itself; the old state serves until the next one is whole',
      ],
    },
  },
  {
    name: 'I6-two-snapshots-mixed',
    what: 'The rest of another snapshot is staged after the rows of the first one.',
    changes: [
      change('core/src/bootstrapper.ts', 'asked && snapshot.seal === place.seal', 'asked'),
      change('core/src/open-snapshot.ts', 'snapshot.seal === from.seal && ', ''),
    ],
    caughtBy: {
      [resumed]: ['I6: whatever happens to a snapshot on its way, readers see one whole snapshot, and then the head'],
    },
  },
  {
    name: 'I6-wrong-count-is-whole',
    what: 'A snapshot with fewer rows than it had announced is taken over.',
    changes: [
      change(
        'core/src/open-snapshot.ts',
        'if (count === undefined || count === rows) return;',
        'if (count === undefined || rows <= count) return;',
      ),
    ],
    caughtBy: { [resumed]: ['I6: a wrong count at the end is damage'] },
  },
  {
    name: 'I6-damage-is-gone-on-with',
    what: 'What came damaged stays staged, and the next snapshot goes on after it.',
    changes: [change('core/src/bootstrapper.ts', 'if (damaged) await this.forget(bootstrap);', '')],
    caughtBy: { [resumed]: ['I6: after damage nothing is gone on with'] },
  },
  {
    name: 'I7-any-cluster',
    what: "Positions of any cluster of the same kind are taken for one's own.",
    changes: [change('core/src/source.ts', 'verdict(a.cluster, b.cluster)', 'verdict(a.cluster, a.cluster)')],
    caughtBy: {
      [invariants]: ['I7: a snapshot positioned in another cluster of log is refused before anything is written'],
    },
  },
  {
    name: 'I7-snapshot-of-an-old-epoch',
    what: 'A snapshot from before its topic was created anew is positioned in the new one.',
    changes: [change('core/src/adopt-snapshot.ts', 'if (stale !== undefined)', 'if (stale === null)')],
    caughtBy: {
      [invariants]: ['I7: a snapshot from before its topic was created anew is refused, and asked for again'],
    },
  },
  {
    name: 'I8-no-floor',
    what: 'A re-snapshot may lie before the position that was reached.',
    changes: [
      change(
        'core/src/floor.ts',
        'return position.offsets.covers(floor.offsets);',
        'return position.offsets.covers(floor.offsets) || floor.offsets.size > 0;',
      ),
    ],
    caughtBy: {
      [invariants]: ['I8: a re-snapshot from before the position reached is refused, and A is asked for a newer one'],
    },
  },
  {
    name: 'I8-expired-is-gone',
    what: 'A partition that retention has overtaken is left out of the floor, as if its history were gone.',
    changes: [change('core/src/handoff.ts', "lost.filter(({ reason }) => reason !== 'expired')", 'lost')],
    caughtBy: { [handoff]: ['I8: the floor leaves out what is gone, and keeps what has merely expired'] },
  },
  {
    name: 'floor-of-what-is-gone',
    what: 'A partition whose history is gone stays in the floor: no snapshot can ever replace it.',
    changes: [change('core/src/floor.ts', 'offsets: stored.offsets.without(lost),', 'offsets: stored.offsets,')],
    caughtBy: {
      'packages/testkit/test/live-view.contract.test.ts': ['I8: lost partitions leave the floor, and no others'],
    },
  },
  {
    name: 'I10-term-kept',
    what: 'A stop in mid-snapshot leaves the replica bootstrapping, with nobody behind the heartbeat.',
    changes: [
      change(
        'core/src/handoff.ts',
        '    lost: noteLoss,\n    failed: giveBackThenFail,\n    stop: giveBackThenStop,\n  },\n  swapping: {',
        '    lost: noteLoss,\n    failed: giveBackThenFail,\n    stop,\n  },\n  swapping: {',
      ),
    ],
    caughtBy: { [invariants]: ['I10: a stop in mid-snapshot rolls back, gives the term back and tells A'] },
  },
  {
    name: 'I11-beating-is-taken-over',
    what: 'A bootstrapper whose heartbeat goes on is taken over all the same.',
    changes: [change('core/src/handoff.ts', ' && stored.heartbeat === state.heartbeat', '')],
    caughtBy: { [handoff]: ['takes over only when the heartbeat has stood still for the whole time'] },
  },
  {
    name: 'dead-bootstrapper-waited-for',
    what: 'A bootstrapper that died is waited for for ever.',
    changes: [
      change(
        'core/src/handoff.ts',
        'if (now - state.since < options.takeoverMs) return state;',
        'if (now >= 0) return state;',
      ),
    ],
    caughtBy: { [invariants]: ['a heartbeat that stands still is taken over, a beating one is waited for'] },
  },
  {
    name: 'no-heartbeat',
    what: 'Who bootstraps says nothing while A keeps them waiting, and is taken for dead.',
    changes: [change('core/src/bootstrapper.ts', 'await bootstrap.beat().catch(', 'await Promise.resolve().catch(')],
    caughtBy: { [invariants]: ['I11: who bootstraps beats while A keeps it waiting'] },
  },
  {
    name: 'superseded-goes-on',
    what: 'Two running versions of a pipeline take the replica from each other for ever.',
    changes: [
      change('core/src/handoff.ts', 'if (changed && state.everFollowed)', 'if (changed && options.pipeline === null)'),
    ],
    caughtBy: {
      [handoff]: ['an instance that has followed stops when it meets another version; a start re-snapshots'],
    },
  },
  {
    name: 'I8-unverified-after-the-take',
    what: 'Who has taken the term asks only once what is lost: a snapshot that was refused is asked for again and again.',
    changes: [
      change('core/src/handoff.ts', "? { ...again, at: 'judging', seen, held, snapshot: undefined }", '? again'),
    ],
    caughtBy: { [handoff]: ['does in every state and at every event what its written spec says'] },
  },
];
