import { change } from '../mutant.mjs';

const consumer = 'packages/nats/test/consumer.test.ts';
const pages = 'packages/nats/test/pages.test.ts';
const messages = 'packages/nats/test/message.test.ts';

/** Reading JetStream. @type {readonly import('../mutant.mjs').Mutant[]} */
export const nats = [
  {
    name: 'I1-delivery-numbers-unchecked-nats',
    what: "A message to NATS's consumer that got lost is taken for one that was deleted.",
    changes: [change('nats/src/consumer.ts', 'if (one.count !== ++this.count) {', 'if (one.count < ++this.count) {')],
    caughtBy: {
      [consumer]: ['a message that got lost'],
      [pages]: ['I1: reads again from behind what was handed over, and proves it'],
    },
  },
  {
    name: 'I1-heartbeat-unheeded-nats',
    what: 'A heartbeat that tells of a message that never came is taken for a sign of life.',
    changes: [change('nats/src/consumer.ts', 'if (last > this.count) this.fail(', 'if (last < 0) this.fail(')],
    caughtBy: { [consumer]: ['a heartbeat that tells of more than came'] },
  },
  {
    name: 'I1-status-taken-for-the-end-nats',
    what: 'Whatever ends a pull, another leader or a server that shuts down, is taken for "nothing more".',
    changes: [
      change('nats/src/consumer.ts', 'if (code === 404 || code === 408) this.end', 'if (code >= 400) this.end'),
    ],
    caughtBy: { [consumer]: ['another leader', 'a server that shuts down', 'nobody who listens'] },
  },
  {
    name: 'I1-taken-after-the-abort-nats',
    what: 'Who has aborted a pull takes its messages with them.',
    changes: [
      change(
        'nats/src/consumer.ts',
        '      signal.throwIfAborted(); // who comes back takes the buffer\n',
        '      if (signal.aborted) this.buffer = [];\n      signal.throwIfAborted();\n',
      ),
    ],
    caughtBy: { [consumer]: ['I1: who aborts in the moment of its end leaves what came to the next one'] },
  },
  {
    name: 'pull-full-to-the-byte-nats',
    what: 'A pull whose bytes are used up exactly, of which the server says nothing, is waited for until it counts as a disturbance: again and again.',
    changes: [change('nats/src/consumer.ts', 'else if (pull?.hasBegun === true) this.doubt(pull);', '')],
    caughtBy: { [consumer]: ['I1: whose bytes are used up exactly is over although the server does not say so'] },
  },
  {
    name: 'came-while-nobody-asked-nats',
    what: 'What came after an abort is handed over only when more comes.',
    changes: [change('nats/src/consumer.ts', "isThere ? 'full' : await", "isThere && !wait ? 'full' : await")],
    caughtBy: { [consumer]: ['I1: after its end (and then waits: true): what came is there at once'] },
  },
  {
    name: 'I1-on-its-way-overlooked-nats',
    what: 'What the server has sent and has not come yet counts as nothing.',
    changes: [
      change(
        'nats/src/consumer.ts',
        'return pending === 0 && delivered.consumer_seq === this.count && this.buffer.length === 0;',
        'return pending === 0 && this.buffer.length === 0;',
      ),
    ],
    caughtBy: { [consumer]: ['I1: waits for what is on its way'] },
  },
  {
    name: 'I1-consumer-believed-nats',
    what: "The position moves over others' messages when the consumer has nothing, without asking the stream itself.",
    changes: [change('nats/src/pages.ts', 'if (await this.hasMore(reader)) {', 'if (topic.keeps === undefined) {')],
    caughtBy: {
      [pages]: [
        'I1: not over one of ours that came in between',
        'I1: not over one of ours that the consumer does not know of yet: its server lags behind',
      ],
    },
  },
  {
    name: 'I1-moved-by-two-nats',
    what: 'Two pages of one partition at once: the one that had nothing takes the position back to where it looked.',
    changes: [
      change(
        'nats/src/pages.ts',
        '    requireOwn(reader, through);\n    reader.through = end;\n',
        '    reader.through = end;\n',
      ),
    ],
    caughtBy: { [pages]: ["of which one moves over others' messages while the other reads"] },
  },
  {
    name: 'M6-gap-unlooked-nats',
    what: 'Retention that is faster than the reading is taken for deleted messages.',
    changes: [
      change(
        'nats/src/pages.ts',
        "topic.keeps === 'log' && isTrimmed(first",
        "topic.keeps !== 'log' && isTrimmed(first",
      ),
    ],
    caughtBy: { [pages]: ['I1: expired: retention was faster than the reading'] },
  },
  {
    name: 'I7-epoch-not-compared-nats',
    what: 'The position moves into a stream that was created anew.',
    changes: [
      change('nats/src/pages.ts', 'if (info.created !== epoch) throw', 'if (info.created === undefined) throw'),
    ],
    caughtBy: { [pages]: ['I7: not into a stream that was created anew meanwhile'] },
  },
  {
    name: 'I7-witness-unread-nats',
    what: "The message at the position isn't read: nothing proves that it is the same one.",
    changes: [
      change(
        'nats/src/pages.ts',
        'return { ...page, epoch: info.created, witness };',
        'return { ...page, epoch: info.created };',
      ),
    ],
    caughtBy: {
      [pages]: ['the first page proves where it begins: epoch, and the witness of the message at the position'],
    },
  },
  {
    name: 'I7-times-apart-nats',
    what: 'A message has another timestamp, and another witness, when it is delivered than when it is looked up.',
    changes: [
      change(
        'nats/src/message.ts',
        'timestamp: numberIn(reply, at + 2, nanosecondDigits),',
        'timestamp: Math.round(numberIn(reply, at + 2) / 1e6),',
      ),
    ],
    caughtBy: {
      [messages]: [
        'I7: a message is the same record, with the same witness, whether it is delivered or looked up',
        'times are cut off at milliseconds, never rounded',
      ],
    },
  },
  {
    name: 'I3-before-the-position-nats',
    what: 'A server that begins before the position, because its stream was shorter a moment ago, is believed.',
    changes: [
      change(
        'nats/src/pages.ts',
        "if (compareOffsets('decimal', (records[0] as LogRecord).offset, after) <= 0)",
        "if (compareOffsets('decimal', (records[0] as LogRecord).offset, beginning) <= 0)",
      ),
    ],
    caughtBy: {
      [pages]: [
        'I3: a server that begins before the position, since its stream was shorter a moment ago, is not believed',
      ],
    },
  },
  {
    name: 'pending-taken-for-the-end-nats',
    what: 'The end of a pull is taken for the end of the log, whatever the consumer has still to deliver.',
    changes: [change('nats/src/consumer.ts', 'atEnd: last === undefined || last.pending === 0 };', 'atEnd: true };')],
    caughtBy: {
      [consumer]: ['is at the end only where nothing is pending after its last message'],
      [pages]: ['lag is what the consumer has still to deliver, and the head is where that is nothing'],
    },
  },
  {
    name: 'empty-is-deleted-nats',
    what: 'A message without a payload is a tombstone.',
    changes: [
      change(
        'nats/src/message.ts',
        'value: isDeletion(message.headers) ? null : message.data,',
        'value: message.data.length === 0 ? null : message.data,',
      ),
    ],
    caughtBy: { [messages]: ['an empty payload is a value', 'KV-Operation: PUT is a tombstone: false'] },
  },
];
