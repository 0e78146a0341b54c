import { change } from '../mutant.mjs';

const sqliteLog = 'packages/sqlite/test/sqlite-log.test.ts';
const lane = 'packages/memory/test/lane.test.ts';

/** What logs say, and A's snapshots of them. @type {readonly import('../mutant.mjs').Mutant[]} */
export const logs = [
  {
    name: 'M2-handoff-record-again',
    what: 'The record at the position is read again.',
    changes: [
      change(
        'memory/src/lane.ts',
        "if (compareOffsets('decimal', offset, after) <= 0) low = middle + 1;",
        "if (compareOffsets('decimal', offset, after) < 0) low = middle + 1;",
      ),
    ],
    caughtBy: { [lane]: ['gives every record after an offset, whatever was appended, skipped and trimmed'] },
  },
  {
    name: 'M2-handoff-record-again-sqlite',
    what: 'The same in the SQLite log.',
    changes: [
      change(
        'sqlite/src/log-reader.ts',
        'where partition_id = ? and offset > ? order by',
        'where partition_id = ? and offset >= ? order by',
      ),
    ],
    caughtBy: { [sqliteLog]: ['goes on after an offset, to the head, with lag, epoch and witness'] },
  },
  {
    name: 'M2-handoff-record-skipped-sqlite',
    what: 'The record after the position is left out.',
    changes: [
      change(
        'sqlite/src/log-reader.ts',
        'where partition_id = ? and offset > ? order by',
        'where partition_id = ? and offset > ? + 1 order by',
      ),
    ],
    caughtBy: { [sqliteLog]: ['goes on after an offset, to the head, with lag, epoch and witness'] },
  },
  {
    name: 'M2-tps-taken-for-the-last',
    what: "The paper's `tps`, which names the next offset, is read as if it named the last one: a record is skipped.",
    changes: [change('core/src/position.ts', "meaning === 'next' ? before(offset) : lastOf(offset)", 'lastOf(offset)')],
    caughtBy: { 'packages/core/test/position.test.ts': ['names the next offset, unless told otherwise'] },
  },
  {
    name: 'M3-rows-of-another-moment-sqlite',
    what: "A's rows and the end of its log are read in two transactions.",
    changes: [change('sqlite/src/sqlite-log.ts', "      db.exec('begin');\n", '')],
    caughtBy: { [sqliteLog]: ['I1: rows and position are of one moment, whatever is committed meanwhile'] },
  },
  {
    name: 'M3-rows-of-another-moment-memory',
    what: 'Rows are read when somebody asks for them, long after the position was taken.',
    changes: [
      change(
        'memory/src/snapshot-at-head.ts',
        'const copy = Symbol.asyncIterator in rows ? rows : [...rows];',
        'const copy = rows;',
      ),
    ],
    caughtBy: {
      'packages/memory/test/memory-log.test.ts': [
        'I1: are exact: rows and head are taken together, whatever is published while they are read',
      ],
    },
  },
  {
    name: 'M6-expired-skipped-sqlite',
    what: 'The SQLite log skips what retention has removed.',
    changes: [
      change(
        'sqlite/src/log-reader.ts',
        "if (compareOffsets('decimal', after, trimmedOf(lane)) < 0) return { lost: 'expired' };",
        '',
      ),
    ],
    caughtBy: { [sqliteLog]: ['I1: never skips: expired, ahead and unknown partitions are lost'] },
  },
  {
    name: 'I5-appended-apart',
    what: "Records are appended in a transaction of their own, not in A's.",
    changes: [
      change(
        'sqlite/src/transaction.ts',
        "    db.exec('savepoint tidemark');\n",
        "    db.exec('commit');\n    db.exec('begin immediate; savepoint tidemark');\n",
      ),
    ],
    caughtBy: {
      [sqliteLog]: ["I5: joins the caller's transaction: rows and records commit together, or neither does"],
    },
  },
];
