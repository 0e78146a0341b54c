import { change } from '../mutant.mjs';

const invariants = 'packages/core/test/invariants.test.ts';
const pieces = 'packages/core/test/pieces.test.ts';
const paged = 'packages/core/test/paged-transport.test.ts';

/** From a start to the acknowledgement. @type {readonly import('../mutant.mjs').Mutant[]} */
export const following = [
  {
    name: 'I1-gap-unnoticed',
    what: "A delivery that doesn't begin where the last one ended is taken as it comes: a skipped range is silent.",
    changes: [
      change(
        'core/src/follower.ts',
        'if (cursor.at !== after)\n      throw new TransportFault(',
        'if (cursor.at !== after && delivery.records.length === 0)\n      throw new TransportFault(',
      ),
    ],
    caughtBy: { [invariants]: ['I1: a gap in what the transport delivers is a failure, not a skip'] },
  },
  {
    name: 'I1-tail-left-out',
    what: 'The last piece of a large delivery is handed over without its last record.',
    changes: [change('core/src/pieces.ts', 'records: records.slice(start) }', 'records: records.slice(start, -1) }')],
    caughtBy: { [pieces]: ['I1: chains from `after` to `through` and holds every record once, in order'] },
  },
  {
    name: 'shared-offset-split',
    what: 'A piece of a delivery ends among records that share an offset.',
    changes: [change('core/src/pieces.ts', 'while (end < records.length && ', 'while (end < 0 && ')],
    caughtBy: { [pieces]: ['keeps records that share an offset together, and is otherwise as long as asked for'] },
  },
  {
    name: 'I1-moved-taken-for-applied',
    what: 'A batch whose partition stands elsewhere by now counts as applied; its cursor goes on, and nothing of it is ever applied again.',
    changes: [
      change(
        'core/src/applier.ts',
        "if (answer === 'applied' || isSame(answer.moved, batch.through))",
        "if (answer === 'applied' || answer.moved.through !== null)",
      ),
    ],
    caughtBy: { [invariants]: ['I1: a batch whose partition stands elsewhere by now is read again from there'] },
  },
  {
    name: 'I3-batch-out-of-order',
    what: 'The records of one delivery are applied backwards.',
    changes: [
      change('core/src/plan.ts', 'for (const record of records) {', 'for (const record of [...records].reverse()) {'),
    ],
    caughtBy: { [invariants]: ['I3: records of one partition apply in offset order'] },
  },
  {
    name: 'M4-at-the-latest',
    what: 'A partition is read from the end of the log, whatever the position says.',
    changes: [
      change(
        'core/src/paged-turn.ts',
        '    let fetched = fetcher.fetch(partition, this.at.through, false, signal);\n',
        `    const latest = (await fetcher.describe(signal)).partitions.find((p) => p.partition === partition.partition)?.head;
    this.at = { through: this.at.through };
    let fetched = fetcher.fetch(partition, latest ?? this.at.through, false, signal);
`,
      ),
    ],
    caughtBy: { [invariants]: ['I1: an update between the snapshot and the subscription is not lost'] },
  },
  {
    name: 'I4-latest',
    what: "A partition that the position doesn't name is read from its end.",
    changes: [
      change(
        'core/src/paged-turn.ts',
        '    let fetched = fetcher.fetch(partition, this.at.through, false, signal);\n',
        `    const latest = (await fetcher.describe(signal)).partitions.find((p) => p.partition === partition.partition)?.head;
    const from = this.at.through === beginning ? (latest ?? beginning) : this.at.through;
    let fetched = fetcher.fetch(partition, from, false, signal);
`,
      ),
    ],
    caughtBy: { [invariants]: ['I4: a partition that the snapshot does not name is read from its beginning'] },
  },
  {
    name: 'I4-unnamed-unverified',
    what: "A partition that the position doesn't name isn't verified: retention may have passed its beginning.",
    changes: [change('core/src/verify.ts', 'of [...followed, ...position.offsets])', 'of [...position.offsets])')],
    caughtBy: {
      'packages/core/test/verify.test.ts': [
        'judges what the log has of these topics and all that the position names, each once',
      ],
    },
  },
  {
    name: 'I5-acknowledged-early',
    what: 'A delivery is acknowledged when it arrives, not when its transaction has settled.',
    changes: [
      change(
        'core/src/follower.ts',
        '    cursor.waits(delivery);\n',
        '    delivery.ack();\n    cursor.waits(delivery);\n',
      ),
    ],
    caughtBy: {
      [invariants]: ['I5: nothing is acknowledged, and no position moves, before the transaction has settled'],
    },
  },
  {
    name: 'M6-expired-skipped',
    what: 'What retention has removed is skipped in silence, and the reading goes on where the log begins now.',
    changes: [
      change('core/src/verify.ts', "return { verdict: 'expired', why:", "return { verdict: 'ok', why:"),
      change(
        'memory/src/lane.ts',
        "if (compareOffsets('decimal', after, this.trimmed) < 0) return { lost: 'expired' };",
        "if (compareOffsets('decimal', after, this.trimmed) < 0) return this.page(this.trimmed);",
      ),
    ],
    caughtBy: {
      'packages/memory/test/memory-log.contract.test.ts': [
        'I1: says expired where retention has passed the position, named or not, and goes on elsewhere',
      ],
    },
  },
  {
    name: 'I7-witness-ignored',
    what: 'Another record that stands at the same offset is taken for the one that was read there.',
    changes: [
      change(
        'core/src/paged-turn.ts',
        'differs(page.epoch, this.epoch) || differs(page.witness, this.at.witness)',
        'differs(page.epoch, this.epoch)',
      ),
    ],
    caughtBy: {
      'packages/memory/test/memory-log.contract.test.ts': [
        'I1: says changed where another record stands at the position: the witness',
      ],
    },
  },
  {
    name: 'I7-recreated-taken-for-shorter',
    what: 'A topic that was created anew, and is shorter, is taken for the old one.',
    changes: [change('core/src/paged-turn.ts', "(await this.isAnew(signal)) ? 'changed' : page.lost", 'page.lost')],
    caughtBy: { [paged]: ['I7: says changed, not ahead, when the topic that grew shorter is another one'] },
  },
  {
    name: 'ahead-at-once',
    what: 'A log that is shorter for a moment, as mirrors are, is taken for another history.',
    changes: [change('core/src/doubts.ts', 'return now - since >= this.aheadMs;', 'return now >= since;')],
    caughtBy: { [invariants]: ['a log that is shorter for a moment is waited for, not thrown away'] },
  },
  {
    name: 'I9-no-credit',
    what: 'The next delivery is handed over without waiting for the acknowledgement of the last one.',
    changes: [
      change(
        'core/src/paged-turn.ts',
        'await orAborted(acknowledged, signal);',
        'await orAborted(Promise.race([acknowledged, Promise.resolve()]), signal);',
      ),
    ],
    caughtBy: { [invariants]: ['I9: while the replica is slow, the log is not read into memory'] },
  },
  {
    name: 'I9-no-budget',
    what: 'Pages are fetched for all partitions at once, whatever there is room for.',
    changes: [
      change(
        'core/src/budget.ts',
        'if (this.take(expectedPage)) return;',
        'this.used += expectedPage;\n    if (this.used > 0) return;',
      ),
    ],
    caughtBy: { [paged]: ['I9: keeps within its budget, all partitions together'] },
  },
  {
    name: 'I10-transaction-left-behind',
    what: "Stopping doesn't wait for the transaction in flight.",
    changes: [
      change('core/src/session.ts', '    this.applier.close();\n    await applying;\n', '    this.applier.close();\n'),
    ],
    caughtBy: { [invariants]: ['I10: stopping lets the transaction in flight settle, and nothing happens afterwards'] },
  },
  {
    name: 'I11-old-cursor-under-a-new-term',
    what: 'What was read under a term that is over is applied under the one that is served now.',
    changes: [
      change(
        'core/src/follower.ts',
        'if (cursor.term === term) return cursor;',
        'if (term !== undefined) return cursor;',
      ),
      change(
        'core/src/follower.ts',
        '      term: cursor.term,\n',
        '      term: this.parts.serving() ?? cursor.term,\n',
      ),
    ],
    caughtBy: { [invariants]: ['I11: a cursor of an old term that speaks up only under a new one is started anew'] },
  },
  {
    name: 'I11-fenced-out-retried',
    what: 'A term that the replica has refused is tried again and again.',
    changes: [
      change(
        'core/src/applier.ts',
        'if (error instanceof FencedOut) {',
        'if (error instanceof FencedOut && runtime.now() < 0) {',
      ),
      change(
        'core/src/applier.ts',
        'if (!isRetryable(error)) throw error;',
        'if (!isRetryable(error) && !(error instanceof FencedOut)) throw error;',
      ),
    ],
    caughtBy: {
      [invariants]: ['I11: what an instance had in hand before another one re-snapshotted is never applied'],
    },
  },
  {
    name: 'I11-term-not-watched',
    what: 'An instance with nothing to apply never notices that another one has re-snapshotted.',
    changes: [
      change(
        'core/src/watch.ts',
        "if (stored.state !== 'ready' || stored.term !== term) this.context.fenced(term);",
        "if (stored.state !== 'ready' || stored.term !== term) continue;",
      ),
    ],
    caughtBy: { [invariants]: ['I11: an idle instance notices a new term and starts its cursors anew'] },
  },
  {
    name: 'I2-left-behind-unnoticed',
    what: 'An idle partition stays where it is when another instance has written what the log has lost since.',
    changes: [change('core/src/cursors.ts', 'const again = elsewhere &&', 'const again = !elsewhere &&')],
    caughtBy: {
      'packages/core/test/strayed.test.ts': [
        'I2: takes a new snapshot when another instance has written what the log has lost since, though nothing comes',
      ],
    },
  },
  {
    name: 'idle-cursor-forgotten',
    what: 'A partition that was lost stays where it is after the re-snapshot.',
    changes: [change('core/src/cursors.ts', 'cursor.term !== term || cursor.idle)', 'cursor.term < 0)')],
    caughtBy: { 'packages/core/test/pipeline.test.ts': ['takes a new snapshot when the log is expired'] },
  },
  {
    name: 'wait-ends-early',
    what: '`waitFor` resolves although the replica has not come so far.',
    changes: [
      change(
        'core/src/wait-for.ts',
        "stored.state === 'ready' && reached.offsets.covers(position.offsets)",
        "stored.state === 'ready'",
      ),
    ],
    caughtBy: {
      'packages/core/test/handle.test.ts': ['resolves once the replica covers a position that came as a token'],
    },
  },
];
