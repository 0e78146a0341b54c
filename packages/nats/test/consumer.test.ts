import { InvalidConfiguration, Unavailable } from '@tidemark/core';
import { setImmediate as turn } from 'node:timers/promises';
import { Link, patienceMs } from '../src/connection';
import { Consumer, type ConsumerSubjects, Disturbed } from '../src/consumer';
import { type ConsumerStart, JetStream } from '../src/jetstream';
import { SubjectPattern } from '../src/subject-pattern';
import { FakeConnection, message, status } from './fake-connection';

const pattern = new SubjectPattern('things.>');
const everything: ConsumerSubjects = { filters: [], keys: [pattern] };
const limits = { batch: 3, maxBytes: 1_000, expiresMs: 30_000 };
const { signal } = new AbortController();

let connection: FakeConnection;
let link: Link;
let waiting: number;
let sent: number;
beforeEach(() => {
  connection = new FakeConnection();
  [waiting, sent] = [0, 0];
  connection.answer = () => ({ config: {}, num_pending: 0, num_waiting: waiting, delivered: { consumer_seq: sent } });
  link = new Link(connection);
});
afterEach(() => link.close());

const open = (subjects = everything, start: ConsumerStart = { deliver_policy: 'all' }) =>
  Consumer.open(new JetStream(link), 'S', subjects, start, limits);

/** What the pull that went out last asked for, and the inbox that it goes to. */
function lastPull() {
  const { body = '{}', reply = '' } = connection.published.at(-1) ?? {};
  return { ask: JSON.parse(body) as Record<string, number | boolean>, inbox: reply };
}
const come = (count: number, more: { readonly seq?: number; readonly pending?: number } = {}) => {
  connection.comes(message({ count, seq: count, ...more }));
};
const says = (code: number, description = '', headers?: Readonly<Record<string, string>>) => {
  connection.comes(status(lastPull().inbox, code, description, headers));
};
const numbers = ({ messages }: { readonly messages: readonly { readonly count: number }[] }) =>
  messages.map(({ count }) => count);
const offsets = ({ messages }: { readonly messages: readonly { readonly record: { readonly offset: string } }[] }) =>
  messages.map(({ record }) => record.offset);

/** Begins a pull, and answers with it once it is out. */
async function pulling(consumer: Consumer, { wait = false, by = signal } = {}) {
  const pulled = consumer.pull({ wait, signal: by });
  pulled.catch(() => undefined);
  await turn();
  return { pulled };
}

describe('a pull', () => {
  it('asks for what there is and no more, and is over when it has all of it', async () => {
    const consumer = await open();
    const { pulled } = await pulling(consumer);
    expect(lastPull().ask).toEqual({ batch: 3, no_wait: true, max_bytes: 1_000 });
    for (const count of [1, 2, 3]) come(count, { pending: 5 - count });
    expect(await pulled).toMatchObject({ atEnd: false });
    expect(numbers(await pulled)).toEqual([1, 2, 3]);
    consumer.close();
  });

  it.each([404, 408])('is over when the server says %i: no more', async (code) => {
    const consumer = await open();
    const { pulled } = await pulling(consumer);
    come(1);
    says(code, 'No Messages');
    expect(numbers(await pulled)).toEqual([1]);
    expect(await pulled).toMatchObject({ atEnd: true });
    const { pulled: nothing } = await pulling(consumer);
    says(code, 'No Messages');
    expect(await nothing).toEqual({ messages: [], atEnd: true });
    consumer.close();
  });

  it('is at the end only where nothing is pending after its last message', async () => {
    const consumer = await open();
    const { pulled } = await pulling(consumer);
    come(1, { pending: 4 });
    says(404);
    expect(await pulled).toMatchObject({ atEnd: false });
    consumer.close();
  });

  it('that waits is held back at the server, which gives signs of life', async () => {
    const consumer = await open();
    const { pulled } = await pulling(consumer, { wait: true });
    expect(lastPull().ask).toMatchObject({ no_wait: true, expires: 30e9, idle_heartbeat: 2e9 });
    says(100, 'Idle Heartbeat', { 'Nats-Last-Consumer': '0' });
    come(1);
    says(408);
    expect(numbers(await pulled)).toEqual([1]);
    consumer.close();
  });

  it('whose first message is too big asks for that one alone', async () => {
    const consumer = await open();
    const { pulled } = await pulling(consumer);
    says(409, 'Message Size Exceeds MaxBytes');
    await turn();
    expect(lastPull().ask).toEqual({ batch: 1, no_wait: true });
    come(1, { pending: 1 });
    expect(numbers(await pulled)).toEqual([1]);
    const { pulled: next } = await pulling(consumer);
    expect(lastPull().ask).toMatchObject({ batch: 3, max_bytes: 1_000 });
    come(2);
    says(409, 'Message Size Exceeds MaxBytes');
    expect(numbers(await next)).toEqual([2]);
    consumer.close();
  });

  it('I1: whose bytes are used up exactly is over although the server does not say so', async () => {
    const consumer = await open();
    waiting = 1;
    const { pulled } = await pulling(consumer);
    come(1, { pending: 2 });
    sent = 2;
    const asked = connection.requested.length;
    while (connection.requested.length === asked) await turn();
    come(2, { pending: 1 }); // it was on its way
    waiting = 0;
    expect(numbers(await pulled)).toEqual([1, 2]);
    expect(await pulled).toMatchObject({ atEnd: false });
    consumer.close();
  });

  it('hears no status of an earlier one', async () => {
    const consumer = await open();
    await pulling(consumer);
    const { inbox } = lastPull();
    says(404);
    const { pulled } = await pulling(consumer);
    connection.comes(status(inbox, 408, 'Request Timeout'));
    connection.comes(status(inbox, 409, 'Server Shutdown'));
    come(1);
    says(404);
    expect(numbers(await pulled)).toEqual([1]);
    consumer.close();
  });
});

describe('I1: is disturbed, at once, by', () => {
  const disturbances: readonly (readonly [string, () => void])[] = [
    ['a message that got lost', () => come(2)],
    ['a message that comes twice', () => (come(1), come(1))],
    ['a heartbeat that tells of more than came', () => says(100, 'Idle Heartbeat', { 'Nats-Last-Consumer': '1' })],
    ['another leader', () => says(409, 'Leadership Change')],
    ['a server that shuts down', () => says(409, 'Server Shutdown')],
    ['its deletion', () => says(409, 'Consumer Deleted')],
    ['nobody who listens', () => says(503)],
    ['a status that nobody knows', () => says(500, 'Strange')],
    [
      'a refusal by the client',
      () => connection.callbacks.forEach((tell) => tell(new Error('no permission'), message({ count: 1, seq: 1 }))),
    ],
    ['a lost connection', () => connection.says('disconnect')],
  ];

  it.each(disturbances)('%s', async (_, happens) => {
    const consumer = await open();
    const { pulled } = await pulling(consumer, { wait: true });
    happens();
    await turn();
    expect(consumer.isBroken).toBe(true);
    await expect(pulled).rejects.toThrow(Disturbed);
    come(1);
    await expect(consumer.pull({ wait: false, signal })).rejects.toThrow(Disturbed);
    consumer.close();
  });

  it('a connection that takes nothing any more', async () => {
    const consumer = await open();
    connection.publish = () => {
      throw new Error('CONNECTION_DRAINING');
    };
    await expect(consumer.pull({ wait: true, signal })).rejects.toThrow(/CONNECTION_DRAINING/);
    expect(consumer.isBroken).toBe(true);
    consumer.close();
  });

  it('a consumer that the server has forgotten', async () => {
    const consumer = await open();
    await pulling(consumer, { wait: true });
    connection.answer = () => ({ error: { err_code: 10014, description: 'consumer not found' } });
    await expect(consumer.pull({ wait: false, signal })).rejects.toThrow(Disturbed);
    consumer.close();
  });
});

describe('with a clock in hand', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  const begun = async (consumer: Consumer, wait: boolean) => {
    const pulled = consumer.pull({ wait, signal });
    pulled.catch(() => undefined);
    await jest.advanceTimersByTimeAsync(0);
    return { pulled };
  };

  it('I1: is disturbed by a server that is silent', async () => {
    const consumer = await open();
    const { pulled } = await begun(consumer, true);
    await jest.advanceTimersByTimeAsync(patienceMs - 1_000);
    says(100, 'Idle Heartbeat');
    await jest.advanceTimersByTimeAsync(patienceMs - 1_000);
    expect(consumer.isBroken).toBe(false);
    const rejected = expect(pulled).rejects.toThrow(/silent/);
    await jest.advanceTimersByTimeAsync(3_000);
    await rejected;
    consumer.close();
  });

  it('ends by itself before the server forgets it, where nobody asks any more', async () => {
    const consumer = await open();
    await jest.advanceTimersByTimeAsync(24_000);
    expect(consumer.isBroken).toBe(false);
    await jest.advanceTimersByTimeAsync(3_000);
    expect(consumer.isBroken).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
    expect(connection.callbacks.size).toBe(0);
  });

  it('leaves nothing behind when it is closed in mid-pull, and tells the server once', async () => {
    const consumer = await open();
    const { pulled } = await begun(consumer, false);
    come(1);
    consumer.close();
    consumer.close();
    await expect(pulled).rejects.toThrow(Disturbed);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(jest.getTimerCount()).toBe(0);
    expect(connection.callbacks.size).toBe(0);
    expect(connection.requested.filter(({ subject }) => subject.startsWith('CONSUMER.DELETE'))).toHaveLength(1);
  });

  it('leaves nothing behind where it could not be opened', async () => {
    connection.answer = () => ({ error: { err_code: 10059, description: 'stream not found' } });
    await expect(open()).rejects.toThrow(Unavailable);
    expect(jest.getTimerCount()).toBe(0);
    expect(connection.callbacks.size).toBe(0);
  });
});

describe('who aborts may come back', () => {
  it('I1: in mid-pull: nothing is lost, and nothing asked for twice', async () => {
    const consumer = await open();
    const over = new AbortController();
    const { pulled } = await pulling(consumer, { by: over.signal });
    come(1, { pending: 2 });
    over.abort(new Error('gone'));
    await expect(pulled).rejects.toThrow('gone');
    come(2, { pending: 1 });
    const { pulled: again } = await pulling(consumer);
    come(3);
    expect(numbers(await again)).toEqual([1, 2, 3]);
    expect(connection.published).toHaveLength(1);
    consumer.close();
  });

  it.each([true, false])('I1: after its end (and then waits: %s): what came is there at once', async (wait) => {
    const consumer = await open();
    const over = new AbortController();
    const { pulled } = await pulling(consumer, { wait: true, by: over.signal });
    over.abort(new Error('gone'));
    await expect(pulled).rejects.toThrow('gone');
    come(1);
    says(408);
    expect(numbers(await consumer.pull({ wait, signal }))).toEqual([1]);
    expect(connection.published).toHaveLength(1);
    consumer.close();
  });

  it('I1: who aborts in the moment of its end leaves what came to the next one', async () => {
    const consumer = await open();
    const over = new AbortController();
    const { pulled } = await pulling(consumer, { by: over.signal });
    come(1);
    says(404);
    await Promise.resolve(); // it has ended, and whoever pulls hasn't heard of it yet
    over.abort(new Error('gone'));
    await expect(pulled).rejects.toThrow('gone');
    expect(numbers(await consumer.pull({ wait: false, signal }))).toEqual([1]);
    consumer.close();
  });

  it('a signal that has aborted asks for nothing', async () => {
    const consumer = await open();
    await expect(consumer.pull({ wait: true, signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone');
    expect(connection.published).toHaveLength(0);
    consumer.close();
  });
});

describe('a pull that was left waiting, and then asked without wait', () => {
  const left = async (consumer: Consumer) => {
    const over = new AbortController();
    const { pulled } = await pulling(consumer, { wait: true, by: over.signal });
    over.abort(new Error('gone'));
    await expect(pulled).rejects.toThrow('gone');
  };

  it('says at once that there is nothing, and goes on waiting', async () => {
    const consumer = await open();
    await left(consumer);
    expect(await consumer.pull({ wait: false, signal })).toEqual({ messages: [], atEnd: true });
    const { pulled } = await pulling(consumer, { wait: true });
    expect(connection.published).toHaveLength(1);
    come(1);
    says(408);
    expect(numbers(await pulled)).toEqual([1]);
    consumer.close();
  });

  it('I1: waits for what is on its way', async () => {
    const consumer = await open();
    await left(consumer);
    sent = 1;
    const { pulled } = await pulling(consumer);
    come(1);
    says(408);
    expect(numbers(await pulled)).toEqual([1]);
    consumer.close();
  });
});

it('begins at a sequence of any size, exactly', async () => {
  const consumer = await open(everything, {
    deliver_policy: 'by_start_sequence',
    opt_start_seq: '18446744073709551615',
  });
  expect(connection.requested[0]?.body).toMatch(/"opt_start_seq":18446744073709551615,/);
  consumer.close();
});

it('names its one subject where servers check permissions', async () => {
  const consumer = await open({ filters: [pattern], keys: [pattern] });
  expect(connection.requested[0]?.subject).toMatch(/^CONSUMER\.CREATE\.S\.tidemark-[0-9a-f]+\.things\.>$/);
  consumer.close();
});

it("keeps to the connection's own inboxes", async () => {
  Object.assign(connection, { options: { maxReconnectAttempts: -1, inboxPrefix: '_MINE' } });
  const consumer = await open();
  const { pulled } = await pulling(consumer);
  expect(lastPull().inbox).toMatch(/^_MINE\./);
  says(404);
  expect(offsets(await pulled)).toEqual([]);
  consumer.close();
});

it('refuses a server that reads one subject of several', async () => {
  const filters = [pattern, new SubjectPattern('others.>')];
  await expect(open({ filters, keys: filters })).rejects.toThrow(InvalidConfiguration);
  connection.answer = (_, body) => JSON.parse(body) as object;
  const consumer = await open({ filters, keys: filters });
  consumer.close();
});
