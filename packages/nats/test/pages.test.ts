import { beginning, decimal, type Offset, type Page, witnessOf } from '@tidemark/core';
import { Link } from '../src/connection';
import { Disturbed } from '../src/consumer';
import { JetStream } from '../src/jetstream';
import { Pages } from '../src/pages';
import { type NatsTopic, streamTopics } from '../src/topics';
import { message, someTime } from './fake-connection';
import { FakeStream } from './fake-stream';

const { signal } = new AbortController();
const at = (offset: number): Offset => decimal(offset);

let stream: FakeStream;
let link: Link;
let pages: Pages;
let partition: { readonly topic: string; readonly partition: string };
function follow(topic: Partial<NatsTopic> = {}) {
  const { names, byName } = streamTopics({ things: { stream: 'S', ...topic } });
  partition = { topic: names.things, partition: '0' };
  pages = new Pages(new JetStream(link), byName);
}
beforeEach(() => {
  stream = new FakeStream();
  link = new Link(stream.connection);
  follow();
});
afterEach(async () => {
  pages.close();
  await link.close();
});

const ask = (after: Offset, wait = false, by = signal) => pages.page(partition, after, { wait, signal: by });
const page = async (after: Offset): Promise<Page> => {
  const one = await ask(after);
  if ('lost' in one) throw new Error(`lost: ${one.lost}`);
  return one;
};
const offsets = ({ records }: Page) => records.map(({ offset }) => Number(offset));
const openConsumers = () => stream.requests('CONSUMER.CREATE') - stream.requests('CONSUMER.DELETE');
const fillers = (count: number) => Array.from({ length: count }, () => ({}));

it('the first page proves where it begins: epoch, and the witness of the message at the position', async () => {
  stream.add({}, { text: 'two' }, {}, {});
  const first = await page(at(2));
  expect(first).toMatchObject({ through: '4', atHead: true, lag: 0n, epoch: stream.created });
  expect(offsets(first)).toEqual([3, 4]);
  const { data } = message({ count: 1, seq: 2, text: 'two' });
  const key = Buffer.from('a');
  expect(first.witness).toBe(witnessOf({ key, value: data, timestamp: Number(someTime / 1_000_000n) }));
  stream.add({});
  const next = await page(at(4));
  expect(offsets(next)).toEqual([5]);
  expect(next.epoch).toBeUndefined();
  expect(openConsumers()).toBe(1);
});

it('lag is what the consumer has still to deliver, and the head is where that is nothing', async () => {
  stream.add(...fillers(2_003));
  expect(await page(beginning)).toMatchObject({ through: '2000', lag: 3n, atHead: false });
  expect(await page(at(2_000))).toMatchObject({ through: '2003', lag: 0n, atHead: true });
});

describe('where a position is lost', () => {
  it('I1: expired: retention has passed it', async () => {
    stream.add({}, {}, {}, {}).trim(4);
    expect(await ask(at(2))).toEqual({ lost: 'expired' });
    expect(await ask(beginning)).toEqual({ lost: 'expired' });
    expect(offsets(await page(at(3)))).toEqual([4]);
  });

  it('ahead: the stream is shorter', async () => {
    stream.add({});
    expect(await ask(at(2))).toEqual({ lost: 'ahead' });
  });

  it('unknown: the topic has no such partition', async () => {
    expect(await pages.page({ topic: 'S', partition: '7' }, beginning, { wait: false, signal })).toEqual({
      lost: 'unknown',
    });
  });

  it('I1: expired: retention was faster than the reading', async () => {
    stream.add({}, {});
    await page(beginning);
    stream.add({}, {}, {}).trim(5);
    expect(await ask(at(2))).toEqual({ lost: 'expired' });
  });

  it('and leaves no consumer behind', async () => {
    stream.add({});
    await ask(at(2));
    expect(openConsumers()).toBe(0);
  });
});

describe('a gap in the sequences', () => {
  it('is none of ours: deleted inside, or of another subject', async () => {
    stream.add({});
    await page(beginning);
    stream.add({ seq: 4 }, { seq: 7 });
    expect(offsets(await page(at(1)))).toEqual([4, 7]);
  });

  it('is as it should be where only the latest of each key are kept', async () => {
    follow({ keeps: 'compacted' });
    stream.add({});
    await page(beginning);
    stream.add({}, {}, {}).trim(4);
    expect(offsets(await page(at(1)))).toEqual([4]);
  });
});

describe('after a disturbance', () => {
  it('I1: reads again from behind what was handed over, and proves it', async () => {
    stream.add({}, {});
    await page(beginning);
    stream.add({}, {}, {});
    let lost = false;
    stream.tamper = (told) => {
      if (lost || told.seq !== 4) return told;
      lost = true;
      return undefined;
    };
    const again = await page(at(2));
    expect(offsets(again)).toEqual([3, 4, 5]);
    expect(again).toMatchObject({ epoch: stream.created, witness: expect.any(String) as string });
    expect(openConsumers()).toBe(1);
  });

  it('I7: a stream that was created anew is seen by its epoch', async () => {
    stream.add({}, {});
    await page(beginning);
    stream.created = 'another';
    stream.add({ subject: 'things.b' });
    stream.stored.splice(0);
    expect(await page(at(2))).toMatchObject({ epoch: 'another' });
  });

  it('asks for nothing where nobody reads any more', async () => {
    stream.add({});
    await page(beginning);
    const over = new AbortController();
    stream.connection.says('disconnect');
    over.abort(new Error('gone'));
    const asked = stream.connection.requested.length;
    await expect(ask(at(1), false, over.signal)).rejects.toThrow('gone');
    expect(stream.connection.requested.slice(asked).filter(({ subject }) => !subject.includes('DELETE'))).toEqual([]);
  });
});

describe("where there is nothing but others' messages", () => {
  beforeEach(() => {
    follow({ subjects: ['things.>'] });
  });
  const others = (count: number) => Array.from({ length: count }, () => ({ subject: 'others.x' }));

  it('the position moves to the end over them, with a witness of what is there', async () => {
    stream.add({}, ...others(3));
    expect(offsets(await page(beginning))).toEqual([1]);
    const moved = await page(at(1));
    expect(moved).toMatchObject({ records: [], through: '4', atHead: true, lag: 0n });
    expect(moved.throughWitness).toMatch(/^1700000000123\./);
    stream.add({});
    expect(offsets(await page(at(4)))).toEqual([5]);
  });

  it('from the beginning, too', async () => {
    stream.add(...others(2));
    expect(await page(beginning)).toMatchObject({ records: [], through: '2' });
  });

  it('I1: not over one of ours that came in between', async () => {
    stream.add({});
    await page(beginning);
    let isFirst = true;
    stream.onRequest = (subject) => {
      if (!subject.startsWith('STREAM.INFO') || !isFirst) return;
      isFirst = false;
      stream.add(...others(1), {});
    };
    expect(offsets(await page(at(1)))).toEqual([3]);
  });

  it('I1: not over one of ours that the consumer does not know of yet: its server lags behind', async () => {
    stream.add({});
    await page(beginning);
    stream.add(...others(1), {}, ...others(1)).hidden = 3;
    expect(await page(at(1))).toMatchObject({ records: [], through: '1', atHead: false });
    stream.hidden = Infinity;
    expect(offsets(await page(at(1)))).toEqual([3]);
  });

  it('I1: not over what retention has removed meanwhile', async () => {
    stream.add({});
    await page(beginning);
    stream.add(...others(1));
    stream.onRequest = (_, body) => {
      if (body.includes('next_by_subj')) stream.trim(stream.last + 1);
    };
    expect(await ask(at(1))).toEqual({ lost: 'expired' });
  });

  it('I7: not into a stream that was created anew meanwhile', async () => {
    stream.add({});
    await page(beginning);
    stream.add(...others(1));
    stream.onRequest = (_, body) => {
      if (body.includes('next_by_subj')) stream.created = 'another';
    };
    expect(await page(at(1))).toMatchObject({ epoch: 'another' });
  });
});

it('I3: a server that begins before the position, since its stream was shorter a moment ago, is not believed', async () => {
  stream.add({}, {}, {});
  stream.tamper = ({ seq, ...told }) => ({ ...told, seq: seq - 2 });
  await expect(ask(at(2))).rejects.toThrow(Disturbed);
  expect(openConsumers()).toBe(0);
});

describe('I1: two pages of one partition at once', () => {
  it('never take what the other one has read', async () => {
    stream.add(...fillers(10));
    await page(beginning);
    stream.add(...fillers(3_000));
    const both = await Promise.all([ask(at(10)), ask(at(10))]);
    for (const one of both) {
      if ('lost' in one) throw new Error(one.lost);
      expect(offsets(one)[0]).toBe(11);
      expect(offsets(one)).toHaveLength(2_000);
    }
    expect(offsets(await page(at(2_010)))[0]).toBe(2_011);
    expect(openConsumers()).toBe(1);
  });

  it("of which one moves over others' messages while the other reads", async () => {
    follow({ subjects: ['things.>'] });
    stream.add({});
    await page(beginning);
    stream.add({ subject: 'others.x' });
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const reached = new Promise<void>((reach) => {
      stream.onRequest = async (_, body) => {
        if (body !== '{"seq":2}') return;
        stream.onRequest = () => undefined;
        reach();
        await gate;
      };
    });
    const moving = ask(at(1));
    await reached;
    stream.add({});
    expect(offsets(await page(at(1)))).toEqual([3]);
    go();
    const moved = await moving;
    if ('lost' in moved) throw new Error(moved.lost);
    expect(offsets(moved)).toEqual([3]);
    stream.add({});
    expect(offsets(await page(at(3)))).toEqual([4]);
  });
});

it('a read that ends while it is being opened leaves no consumer behind', async () => {
  stream.add({});
  const over = new AbortController();
  stream.onRequest = (subject) => {
    if (subject.startsWith('CONSUMER.CREATE')) over.abort(new Error('gone'));
  };
  await expect(ask(beginning, false, over.signal)).rejects.toThrow('gone');
  pages.close();
  expect(openConsumers()).toBe(0);
  expect(stream.connection.callbacks.size).toBe(0);
});
