import { change } from '../mutant.mjs';

const liveView = 'packages/core/test/live-view.test.ts';
const census = 'packages/core/test/census.test.ts';
const refresh = 'packages/core/test/refresh.test.ts';
const sqlite = 'packages/sqlite/test/sqlite-replicas.contract.test.ts';

/** Newer wins, deletions are remembered, parts are merged. @type {readonly import('../mutant.mjs').Mutant[]} */
export const versions = [
  {
    name: 'I3-older-wins',
    what: 'Where versions count, what comes later wins.',
    changes: [
      change(
        'core/src/versioned-rows.ts',
        '    const old = this.rows.get(key);\n    if (old !== undefined && this.version(old) > version) return false;\n    this.rows.set(key, row);\n',
        '    this.rows.set(key, row);\n',
      ),
    ],
    caughtBy: { [liveView]: ['I3: newer wins, in any order and by any partition'] },
  },
  {
    name: 'I3-older-wins-sqlite',
    what: 'The same in a SQLite table.',
    changes: [
      change(
        'sqlite/src/versioned-writes.ts',
        'statements.of(upsertSql(table, key, shape, version))',
        "statements.of(upsertSql(table, key, shape, version).replace(/where [^;]*>=[^;]*$/, 'where true'))",
      ),
    ],
    caughtBy: { [sqlite]: ['I3: whatever the order and the partition, the newest state of a key is what stays'] },
  },
  {
    name: 'I3-older-removal-wins-sqlite',
    what: 'A removal wins over a newer row.',
    changes: [
      change(
        'sqlite/src/versioned-writes.ts',
        '(${versionColumn} is null or ${versionColumn} <= ?)',
        '(${versionColumn} is null or ${versionColumn} <> ?)',
      ),
    ],
    caughtBy: { [sqlite]: ['I3: whatever the order and the partition, the newest state of a key is what stays'] },
  },
  {
    name: 'I3-pruned-early',
    what: 'A tombstone is pruned once one partition has been at its head, not all.',
    changes: [
      change(
        'core/src/in-process.ts',
        'covered = Math.min(covered, this.heads.get(partitionKey(partition)) ?? 0);',
        'covered = Math.max(covered === Infinity ? 0 : covered, this.heads.get(partitionKey(partition)) ?? 0);',
      ),
    ],
    caughtBy: {
      [liveView]: ['I3: a tombstone is pruned once every open partition was at a head taken after it, not before'],
    },
  },
  {
    name: 'I3-pruned-early-sqlite',
    what: 'The same in a SQLite table.',
    changes: [
      change(
        'sqlite/src/tombstones.ts',
        'select min(coalesce(head, 0)) as through',
        'select max(coalesce(head, 0)) as through',
      ),
    ],
    caughtBy: {
      [sqlite]: ['I3: a tombstone is pruned once every partition was at a head that came after it, not before'],
    },
  },
  {
    name: 'I3-pruned-by-an-old-head',
    what: 'What a partition was at its head before is taken for a head after the deletion.',
    changes: [
      change(
        'core/src/cursors.ts',
        'const head = atHead && this.census[0] !== this.toldHead ? this.census[0] : undefined;',
        'const head = atHead && census !== this.toldHead ? census : undefined;',
      ),
    ],
    caughtBy: {
      'packages/core/test/cursors.test.ts': [
        'I3: proves the census that was known when its page was asked for, no later one, and tells it once',
      ],
    },
  },
  {
    name: 'I3-pruned-with-a-partition-missing',
    what: "Tombstones are pruned although the log has a partition that the position doesn't name.",
    changes: [
      change(
        'core/src/census.ts',
        'if (partitions.every(({ partition }) => position.offsets.has(partition))) this.counted',
        'if (partitions.length > 0) this.counted',
      ),
    ],
    caughtBy: { [census]: ['I3: a partition of the log that the position does not name holds tombstones back'] },
  },
  {
    name: 'I3-deletion-forgotten-by-the-swap',
    what: 'A row that the snapshot has not any more comes back with an older update.',
    changes: [
      change(
        'core/src/versioned-rows.ts',
        '    for (const [key, row] of before.rows) if (!this.rows.has(key)) this.bury(key, this.version(row));\n',
        '',
      ),
    ],
    caughtBy: { [liveView]: ['I3: a swap keeps deletions: tombstones, and rows that the snapshot has not any more'] },
  },
  {
    name: 'I8-part-below',
    what: 'Rows of a part are merged from a snapshot that lies before the position that was reached.',
    changes: [
      change(
        'core/src/refresh.ts',
        'if (!mayReplace(position, reached)) throw',
        'if (!mayReplace(position, position)) throw',
      ),
    ],
    caughtBy: { [refresh]: ['I8: a snapshot below the position is asked for again, and refused when the budget ends'] },
  },
  {
    name: 'I8-part-after-a-prune-sqlite',
    what: 'Rows of a part are merged although a tombstone that held against them was pruned meanwhile.',
    changes: [
      change(
        'sqlite/src/replica-engine.ts',
        'if (position !== undefined && !mayReplace(merging.position, position)) return',
        'if (position === null) return',
      ),
    ],
    caughtBy: { [sqlite]: ['I8: a row whose tombstone was pruned since does not come back'] },
  },
];
