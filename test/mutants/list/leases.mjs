import { change } from '../mutant.mjs';

const share = 'packages/core/test/share.test.ts';

/** Who reads which partition. @type {readonly import('../mutant.mjs').Mutant[]} */
export const leases = [
  {
    name: 'lease-never-expires',
    what: 'The partitions of an instance that died are read by nobody.',
    changes: [change('core/src/lease-watch.ts', 'at.asked - since >= expiryMs', 'at.asked < since')],
    caughtBy: {
      'packages/core/test/lease-watch.test.ts': [
        'a lease expires once it has stood still for long enough, as seen here',
      ],
    },
  },
  {
    name: 'lease-expires-by-a-slow-answer',
    what: 'The time that the store takes for its answer counts as standing still: the living are taken for dead.',
    changes: [
      change(
        'core/src/lease-watch.ts',
        'since: still ? last.since : at.answered',
        'since: still ? last.since : at.asked',
      ),
    ],
    caughtBy: {
      'packages/core/test/lease-watch.test.ts': [
        'a slow answer of the store shortens nothing: it counts from the first answer to the last question',
      ],
    },
  },
  {
    name: 'I11-lease-kept-when-thawed',
    what: 'An instance that could not renew in time reads on.',
    changes: [change('core/src/lease-holder.ts', 'runtime.now() - since >= expiryMs', 'runtime.now() < since')],
    caughtBy: { [share]: ['I11: a frozen instance, thawed, lets go at once, before it has asked the store'] },
  },
  {
    name: 'lease-stolen-for-ever',
    what: 'Instances that are balanced go on stealing from each other.',
    changes: [
      change(
        'core/src/lease-plan.ts',
        'const wanted = Math.ceil(keys.length / owned.size) - mine;',
        'const wanted = Math.ceil(keys.length / owned.size) + 1 - mine;',
      ),
      change('core/src/lease-plan.ts', 'if (most - mine < 2) return [];', 'if (most - mine < 1) return [];'),
    ],
    caughtBy: {
      'packages/core/test/lease-plan.test.ts': [
        'steals one at a time from the most loaded, and only if that has two more',
      ],
    },
  },
  {
    name: 'lease-not-given-back',
    what: 'An instance that stops keeps its leases: the others wait for their expiry.',
    changes: [change('core/src/share.ts', 'working.then(() => holder.giveBack())', 'working')],
    caughtBy: {
      [share]: ['an instance that stops gives its leases back: others take them without waiting for the expiry'],
    },
  },
  {
    name: 'lease-written-unseen-sqlite',
    what: 'A lease is written over whatever somebody else has written meanwhile: two instances read one partition.',
    changes: [change('sqlite/src/sqlite-leases.ts', 'if (!this.isAsSeen(key, seen)) return false;', '')],
    caughtBy: {
      'packages/sqlite/test/sqlite-leases.contract.test.ts': [
        'writes only what is still as seen: owner and counter, both',
      ],
    },
  },
];
