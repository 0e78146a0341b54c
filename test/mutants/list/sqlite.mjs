import { change } from '../mutant.mjs';

const engine = 'packages/sqlite/test/replica-engine.test.ts';
const contract = 'packages/sqlite/test/sqlite-replicas.contract.test.ts';
const positions = 'packages/sqlite/test/sqlite-positions.test.ts';

/** The SQLite replicas: what each transaction compares, and what it holds. @type {readonly import('../mutant.mjs').Mutant[]} */
export const sqlite = [
  {
    name: 'M1-rows-then-position-sqlite',
    what: 'Rows are committed, and the position after them in a transaction of its own.',
    changes: [
      change(
        'sqlite/src/replica-engine.ts',
        '    this.marks.set(partition, through);\n',
        "    this.db.exec('commit; begin immediate');\n    this.marks.set(partition, through);\n",
      ),
    ],
    caughtBy: { [engine]: ['I5: one row that does not fit leaves rows, dead letters and position as they were'] },
  },
  {
    name: 'M8-swap-in-two-sqlite',
    what: "The snapshot's rows are committed, and its position after them in a transaction of its own.",
    changes: [
      change(
        'sqlite/src/sqlite-bootstrap.ts',
        '        const source = marks.replace(position);\n',
        "        this.parts.db.exec('commit; begin immediate');\n        const source = marks.replace(position);\n",
      ),
    ],
    caughtBy: {
      [engine]: ['I6: rows and position are swapped in one transaction: where one can not be written, neither is'],
    },
  },
  {
    name: 'M5-no-fence-sqlite',
    what: 'The term of a batch is not compared: a zombie writes.',
    changes: [
      change(
        'sqlite/src/replica-engine.ts',
        "row?.state === 'ready' && row.term === term && row.source",
        "row?.state === 'ready' && row.source",
      ),
    ],
    caughtBy: { [contract]: ['I11: ready: refuses apply of every other term'] },
  },
  {
    name: 'I11-applied-while-bootstrapping-sqlite',
    what: "Batches are applied while somebody bootstraps under the batch's term.",
    changes: [
      change(
        'sqlite/src/replica-engine.ts',
        "if (row?.state === 'ready' && row.term === term",
        'if (row?.term === term',
      ),
    ],
    caughtBy: { [contract]: ['I11: bootstrapping: refuses apply of every term'] },
  },
  {
    name: 'I2-no-compare-and-set-sqlite',
    what: 'A batch is applied wherever its partition stands.',
    changes: [change('sqlite/src/replica-engine.ts', 'if (mark.through !== after) return { moved: mark };', '')],
    caughtBy: { [contract]: ['I2: a batch applied again has no second effect and says where the partition stands'] },
  },
  {
    name: 'I11-take-unseen-sqlite',
    what: 'The term is taken whatever has become of the replica since it was looked at.',
    changes: [
      change(
        'sqlite/src/replica-engine.ts',
        '  now.term === seen.term &&\n  now.state === seen.state &&\n  now.version === seen.version &&\n',
        '',
      ),
    ],
    caughtBy: { [contract]: ['ready: take succeeds only on what was seen, and keeps the old state serving'] },
  },
  {
    name: 'I11-beating-is-taken-sqlite',
    what: 'The term is taken from a bootstrapper whose heartbeat went on since it was looked at.',
    changes: [change('sqlite/src/replica-engine.ts', ' && now.heartbeat === seen.heartbeat)', ')')],
    caughtBy: { [engine]: ['I11: a heartbeat since then saves the bootstrapper'] },
  },
  {
    name: 'I11-old-bootstrap-writes-sqlite',
    what: 'A bootstrapper that was taken over goes on staging, and swaps.',
    changes: [
      change(
        'sqlite/src/sqlite-bootstrap.ts',
        "if (row?.state === 'bootstrapping' && row.term === this.term) return row;",
        "if (row?.state === 'bootstrapping') return row;",
      ),
    ],
    caughtBy: { [contract]: ['I11: an old bootstrap is fenced out of everything once another has taken over'] },
  },
  {
    name: 'I6-staged-uncounted-sqlite',
    what: 'The swap takes what is staged, however many rows are missing or too many.',
    changes: [change('sqlite/src/sqlite-bootstrap.ts', '        this.requireStaged(staging.count());\n', '')],
    caughtBy: { [engine]: ['refuses when staged rows are missing or too many'] },
  },
  {
    name: 'I6-resumed-beyond-the-token-sqlite',
    what: 'Who takes over goes on after the last token, and keeps what was staged beyond it: those rows come twice.',
    changes: [
      change(
        'sqlite/src/replica-engine.ts',
        '    this.staging.drop(row.token_staged);\n    return this.staging.count() === row.token_staged;\n',
        '    return this.staging.count() >= row.token_staged;\n',
      ),
      change(
        'sqlite/src/replica-engine.ts',
        "      state: 'bootstrapping',\n      heartbeat: old.heartbeat + 1,\n      version,\n      scope,\n      staged: resumed?.token_staged ?? 0,\n",
        "      state: 'bootstrapping',\n      heartbeat: old.heartbeat + 1,\n      version,\n      scope,\n      staged: resumed?.staged ?? 0,\n",
      ),
    ],
    caughtBy: { [engine]: ['resumes the staging of a dead bootstrapper, through its last token'] },
  },
  {
    name: 'I8-floor-of-the-last-snapshot-sqlite',
    what: 'The swap does not look at the position that is stored.',
    changes: [
      change(
        'sqlite/src/sqlite-bootstrap.ts',
        'if (floor !== undefined && !mayReplace(position, floor)) {',
        'if (floor === null) {',
      ),
    ],
    caughtBy: { [contract]: ['I8: the floor is the position reached, not that of the last snapshot'] },
  },
  {
    name: 'letter-of-a-moved-batch-sqlite',
    what: 'Dead letters are stored although their batch is not applied: they double.',
    changes: [
      change(
        'sqlite/src/replica-engine.ts',
        '    storeDeadLetters(this.statements, { owner: this.owner, pipeline, partition }, rejected);\n',
        '',
      ),
      change(
        'sqlite/src/replica-engine.ts',
        '    const mark = this.marks.get(partition);\n',
        '    storeDeadLetters(this.statements, { owner: this.owner, pipeline, partition }, rejected);\n    const mark = this.marks.get(partition);\n',
      ),
    ],
    caughtBy: { [contract]: ['I1: keeps dead letters in the same transaction as the changes'] },
  },
  {
    name: 'I2-letter-stays-sqlite',
    what: 'A letter that was replayed stays, and can be replayed again.',
    changes: [
      change(
        'sqlite/src/dead-letters.ts',
        "  statements.run('delete from tidemark_dead_letter where id = ?', id);\n",
        '',
      ),
    ],
    caughtBy: { [contract]: ['I2: a letter and its effect are one transaction, once'] },
  },
  {
    name: 'I2-commit-taken-for-granted-sqlite',
    what: 'A COMMIT that failed counts as done.',
    changes: [
      change(
        'sqlite/src/transaction.ts',
        'if (rollback(db) || landed === undefined || !told(() => landed(result))) throw',
        'if (rollback(db) || landed === undefined) throw',
      ),
    ],
    caughtBy: { [engine]: ['I2: after a hidden rollback the position decides'] },
  },
  {
    name: 'I2-commit-never-believed-sqlite',
    what: 'A COMMIT that was done although it failed counts as not done.',
    changes: [
      change(
        'sqlite/src/transaction.ts',
        'if (rollback(db) || landed === undefined || !told(() => landed(result))) throw',
        'if (rollback(db) || error !== undefined) throw',
      ),
    ],
    caughtBy: { [engine]: ['I2: after a hidden commit the position decides'] },
  },
  {
    name: 'I11-positions-of-any-snapshot-sqlite',
    what: 'A position is saved although somebody else has bootstrapped since.',
    changes: [change('sqlite/src/sqlite-positions.ts', 'if (snapshot !== snapshotId)', 'if (snapshot === undefined)')],
    caughtBy: { [positions]: ['I11: a save for another snapshot, or from elsewhere, changes nothing'] },
  },
  {
    name: 'I11-positions-from-anywhere-sqlite',
    what: 'A position is saved wherever the partition stands.',
    changes: [change('sqlite/src/sqlite-positions.ts', 'if (at !== after)', 'if (at === undefined)')],
    caughtBy: { [positions]: ['I11: a save for another snapshot, or from elsewhere, changes nothing'] },
  },
];
