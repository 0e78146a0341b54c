import { change } from '../mutant.mjs';

const faults = 'packages/http/test/snapshot-faults.test.ts';
const feed = 'packages/http/test/http-feed.test.ts';
const serveFeed = 'packages/http/test/serve-feed.test.ts';
const contract = 'packages/http/test/http-feed.contract.test.ts';

/** Snapshots and feeds over HTTP. @type {readonly import('../mutant.mjs').Mutant[]} */
export const http = [
  {
    name: 'I6-cut-off-is-whole-http',
    what: 'A snapshot that is cut off between two frames counts as whole.',
    changes: [
      change(
        'http/src/snapshot-reader.ts',
        '  if (!ended)\n    throw',
        '  if (!ended && start === undefined)\n    throw',
      ),
    ],
    caughtBy: { [faults]: ['I6: cut at any offset it is refused, and may be asked for again'] },
  },
  {
    name: 'I6-digest-unchecked-http',
    what: 'Rows that were damaged on the way are taken as they came.',
    changes: [change('http/src/snapshot-reader.ts', 'if (end.digest !== digest)', "if (end.digest === '')")],
    caughtBy: { [faults]: ['I6: with any bit flipped it is refused with a typed error, or equal'] },
  },
  {
    name: 'I6-count-unchecked-http',
    what: 'The number of rows that A says it sent is not compared with those that came.',
    changes: [change('http/src/snapshot-reader.ts', 'if (end.rows !== rows) throw', 'if (end.rows < 0) throw')],
    caughtBy: {
      'packages/http/test/snapshot-file.test.ts': ['a wrong number of rows in the token is refused at the end'],
    },
  },
  {
    name: 'I6-rows-after-the-end-http',
    what: 'What comes after the end of a snapshot is not looked at.',
    changes: [
      change(
        'http/src/snapshot-reader.ts',
        'if (ended) throw new SnapshotRejected(`${where}: the snapshot had ended before`, false);',
        'if (ended) return;',
      ),
    ],
    caughtBy: { [faults]: ['I6: with anything after its end it is refused'] },
  },
  {
    name: 'I8-older-served-http',
    what: 'A serves a snapshot that is older than B has asked for.',
    changes: [
      change(
        'http/src/snapshot-floor.ts',
        'if (compareOffsets(source.order, at, through) < 0)',
        'if (at === undefined)',
      ),
    ],
    caughtBy: {
      'packages/http/test/serve-snapshot.test.ts': ['I8: refuses with 412 a snapshot below the position asked for'],
    },
  },
  {
    name: 'I6-any-scope-http',
    what: 'A snapshot of another part than was asked for is taken over.',
    changes: [change('http/src/http-snapshot.ts', 'if (canonicalScope(echoed) !== scope)', 'if (scope === null)')],
    caughtBy: {
      'packages/http/test/http-snapshot.test.ts': [
        'I6: scope media=43 instead of the one asked for is refused before any row',
      ],
    },
  },
  {
    name: 'M6-gone-is-quiet-http',
    what: '410 Gone, which says that retention has passed the offset, is read as nothing new.',
    changes: [
      change(
        'http/src/feed-stream.ts',
        '      if (lost !== undefined) return { lost };\n',
        "      if (lost === 'expired') return { messages: [], next: offset, upToDate: true, closed: false };\n      if (lost !== undefined) return { lost };\n",
      ),
    ],
    caughtBy: { [contract]: ['I1: loses nothing in silence when retention overtakes a slow reader'] },
  },
  {
    name: 'I1-why-it-is-lost-untold-http',
    what: 'A feed does not say why an offset can not be read on: a log that is another one seems to have expired.',
    changes: [change('http/src/feed-answer.ts', ', { [feedHeaders.lost]: reason });', ');')],
    caughtBy: {
      [serveFeed]: ['I1: answers 410 with the reason where an offset can not be read on, 404 for what is not there'],
    },
  },
  {
    name: 'I8-cursor-moved-back-http',
    what: 'A server that ends before the offset asked for moves the cursor back.',
    changes: [
      change('http/src/http-feed.ts', "if (compareOffsets(order, through, after) < 0) return { lost: 'ahead' };", ''),
    ],
    caughtBy: { [feed]: ['I8: never moves back: a server that ends before the offset asked for is ahead'] },
  },
  {
    name: 'I3-feed-out-of-order-http',
    what: 'Messages of a feed are taken in whatever order they come.',
    changes: [
      change(
        'http/src/http-feed.ts',
        'if (compareOffsets(order, record.offset, last) < 0 || record.offset === after)',
        'if (record.offset === after)',
      ),
    ],
    caughtBy: { [feed]: ['stops with a typed error, and hands nothing over, when messages make no sense'] },
  },
  {
    name: 'I7-redirected-anywhere-http',
    what: 'A redirect to another origin is followed.',
    changes: [change('http/src/feed-request.ts', 'if (target?.origin !== url.origin)', 'if (target === undefined)')],
    caughtBy: { [feed]: ['follows redirects within the origin, and refuses all others'] },
  },
  {
    name: 'pins-skipped-on-resumption-http',
    what: 'A TLS session that is resumed is not looked at: pins do not hold.',
    changes: [change('http/src/tls-agents.ts', '    maxCachedSessions: 0,\n', '')],
    caughtBy: {
      'packages/http/test/tls-sessions.test.ts': [
        'hold where a session could be resumed with another service of the same tickets',
      ],
    },
  },
];
