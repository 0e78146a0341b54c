import { beginning, InvalidConfiguration } from '@tidemark/core';
import { Link } from '../src/connection';
import { describe as described, head, requireReadable, trimmed } from '../src/description';
import { JetStream, type StreamInfo } from '../src/jetstream';
import { streamTopics } from '../src/topics';
import { FakeStream } from './fake-stream';

const topicsOf = (keeps: 'log' | 'compacted') => [...streamTopics({ things: { stream: 'S', keeps } }).byName.values()];

describe('a stream described', () => {
  it.each([
    ['a new one', 1, 0, beginning, beginning],
    ['a new one, as old servers say', 0, 0, beginning, beginning],
    ['one with all its messages', 1, 5, beginning, '5'],
    ['one that retention has shortened', 4, 5, '3', '5'],
    ['one that was purged', 6, 5, '5', '5'],
  ])('%s', (_, first_seq, last_seq, expectedTrimmed, expectedHead) => {
    const info = { state: { first_seq, last_seq } } as StreamInfo;
    const [topic] = topicsOf('log');
    if (topic === undefined) throw new Error('no topic');
    expect([trimmed(topic, info), head(info)]).toEqual([expectedTrimmed, expectedHead]);
    expect(trimmed({ ...topic, keeps: 'compacted' }, info)).toBe(beginning);
  });

  it('has its creation as epoch, a partition for each list of subjects, and what age its messages reach', async () => {
    const stream = new FakeStream().add({}, {}, {});
    stream.config = { max_age: 5e9 };
    stream.trim(2);
    const topics = [...streamTopics({ things: { stream: 'S', partitions: ['a.>', 'b.>'] } }).byName.values()];
    const link = new Link(stream.connection);
    const { source, partitions } = await described(new JetStream(link), topics);
    expect(source).toEqual({ kind: 'nats', order: 'decimal', epochs: { S: stream.created } });
    expect(partitions).toEqual(
      ['a.>', 'b.>'].map((partition) => ({ topic: 'S', partition, trimmed: '1', head: '3', retentionMs: 5_000 })),
    );
    await link.close();
  });

  it('is asked for once, however many topics are in it', async () => {
    const stream = new FakeStream();
    const topics = streamTopics({ a: { stream: 'S', subjects: ['a.*'] }, b: { stream: 'S', subjects: ['b.*'] } });
    const link = new Link(stream.connection);
    const { partitions } = await described(new JetStream(link), [...topics.byName.values()]);
    expect(partitions.map(({ topic }) => topic)).toEqual(['S/a.*', 'S/b.*']);
    expect(stream.requests('STREAM.INFO')).toBe(1);
    await link.close();
  });
});

const limits = {
  retention: 'limits',
  discard: 'old',
  max_msgs: -1,
  max_bytes: -1,
  max_msgs_per_subject: -1,
  max_age: 0,
};

it.each([
  ['log', 'interest', { retention: 'interest' }, /"interest"/],
  ['log', 'workqueue', { retention: 'workqueue' }, /"workqueue"/],
  ['compacted', 'workqueue', { retention: 'workqueue' }, /"workqueue"/],
  ['log', 'the latest of each subject', { max_msgs_per_subject: 1 }, /keeps: "compacted"/],
  ['compacted', 'an age', { max_age: 1e9 }, /subject_delete_marker_ttl/],
  ['compacted', 'a number of messages', { max_msgs: 10 }, /discard "new"/],
  ['compacted', 'a size', { max_bytes: 10 }, /discard "new"/],
  ['log', 'an age for each message', { allow_msg_ttl: true }, /allow_msg_ttl/],
  ['compacted', 'an age for each message', { allow_msg_ttl: true }, /allow_msg_ttl/],
] as const)('as %s, a stream with %s is refused', (keeps, _, config, why) => {
  const [topic] = topicsOf(keeps);
  if (topic === undefined) throw new Error('no topic');
  const refused = () => {
    requireReadable(topic, { config: { ...limits, ...config } } as StreamInfo);
  };
  expect(refused).toThrow(InvalidConfiguration);
  expect(refused).toThrow(why);
});

it.each([
  ['log', {}],
  ['log', { max_age: 1e9, max_msgs: 10, max_bytes: 10 }],
  ['log', { allow_msg_ttl: true, subject_delete_marker_ttl: 1e9 }],
  ['compacted', { max_msgs_per_subject: 1 }],
  ['compacted', { max_msgs_per_subject: 1, max_age: 1e9, subject_delete_marker_ttl: 1e9 }],
  ['compacted', { max_msgs_per_subject: 1, max_msgs: 10, discard: 'new' }],
] as const)('as %s, a stream with %j is followed', (keeps, config) => {
  const [topic] = topicsOf(keeps);
  if (topic === undefined) throw new Error('no topic');
  expect(() => {
    requireReadable(topic, { config: { ...limits, ...config } } as StreamInfo);
  }).not.toThrow();
});
