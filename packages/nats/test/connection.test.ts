import { Unavailable } from '@tidemark/core';
import { setImmediate as turn } from 'node:timers/promises';
import { Link, patienceMs } from '../src/connection';
import { ConnectionEnded } from '../src/nats-error';
import { FakeConnection } from './fake-connection';

const settled = async () => {
  for (let i = 0; i < 5; i++) await turn();
};

describe('a connection of yours', () => {
  let connection: FakeConnection;
  let link: Link;
  beforeEach(() => {
    connection = new FakeConnection();
    link = new Link(connection);
  });
  afterEach(() => link.close());

  it('is used as it is, and outlives the log', async () => {
    expect(await link.connection()).toBe(connection);
    await link.close();
    expect(connection.isClosed()).toBe(false);
  });

  it('is not listened to any more when the log is disposed of', async () => {
    await link.connection();
    expect(connection.listening.size).toBe(1);
    await link.close();
    expect(connection.listening.size).toBe(0);
  });

  it('when it is lost, everybody who asked is told, and waits for it', async () => {
    await link.connection();
    const losses: string[] = [];
    link.onLoss(() => losses.push('a'));
    const stop = link.onLoss(() => losses.push('b'));
    connection.says('disconnect');
    await settled();
    expect(losses).toEqual(['a', 'b']);
    stop();
    const waiting = Promise.all([link.connection(), link.connection()]);
    connection.says('reconnecting');
    await settled();
    connection.says('reconnect');
    expect(await waiting).toEqual([connection, connection]);
    connection.says('disconnect');
    await settled();
    expect(losses).toEqual(['a', 'b', 'a']);
  });

  it('one that does not come back in time is trouble that passes', async () => {
    await link.connection();
    connection.says('disconnect');
    await settled();
    jest.useFakeTimers();
    try {
      const waiting = expect(link.connection()).rejects.toThrow(/not connected/);
      await jest.advanceTimersByTimeAsync(patienceMs);
      await waiting;
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('one that has ended has ended for good: at once, and while it is waited for', async () => {
    await link.connection();
    connection.says('disconnect');
    await settled();
    const waiting = expect(link.connection()).rejects.toThrow(ConnectionEnded);
    await connection.close();
    await waiting;
    await expect(link.connection()).rejects.toMatchObject({ code: 'CONNECTION_ENDED', retryable: false });
    await expect(link.connection()).rejects.toThrow(/maxReconnectAttempts: -1/);
  });

  it('a log that is disposed of waits for nothing', async () => {
    await link.connection();
    connection.says('disconnect');
    await settled();
    const waiting = expect(link.connection()).rejects.toThrow(/disposed/);
    await link.close();
    await waiting;
  });

  it('statuses that fail are no unhandled rejection', async () => {
    connection.status = () =>
      ({
        [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('statuses failed')) }),
      }) as unknown as ReturnType<FakeConnection['status']>;
    const unhandled: unknown[] = [];
    const hear = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', hear);
    try {
      expect(await link.connection()).toBe(connection);
      await settled();
    } finally {
      process.off('unhandledRejection', hear);
    }
    expect(unhandled).toEqual([]);
  });
});

describe("a connection that is the log's own", () => {
  it('is made when it is needed, once, and ends with the log', async () => {
    const made: FakeConnection[] = [];
    const link = new Link(async () => {
      made.push(new FakeConnection());
      return made.at(-1) as FakeConnection;
    });
    expect(made).toHaveLength(0);
    const [a, b] = await Promise.all([link.connection(), link.connection()]);
    expect(made).toHaveLength(1);
    expect(a).toBe(b);
    await link.close();
    expect(made[0]?.isClosed()).toBe(true);
    await expect(link.connection()).rejects.toThrow(/disposed/);
    expect(made).toHaveLength(1);
  });

  it('is made anew after its end, and the old one is not heard any more', async () => {
    const made: FakeConnection[] = [];
    const link = new Link(async () => {
      made.push(new FakeConnection());
      return made.at(-1) as FakeConnection;
    });
    await link.connection();
    let losses = 0;
    link.onLoss(() => losses++);
    const [first] = made;
    await first?.close();
    await settled();
    expect(losses).toBe(1);
    expect(await link.connection()).toBe(made[1]);
    first?.says('disconnect');
    await settled();
    expect(losses).toBe(1);
    await link.close();
  });

  it('is asked for again where it could not be made', async () => {
    let asked = 0;
    const connection = new FakeConnection();
    const link = new Link(async () => {
      if (++asked === 1) throw new Error('connection refused');
      return connection;
    });
    await expect(link.connection()).rejects.toThrow(Unavailable);
    expect(await link.connection()).toBe(connection);
    await link.close();
  });

  it('I10: a log that is disposed of while it is being made waits not for it, and closes it when it comes', async () => {
    let come: (connection: FakeConnection) => void = () => undefined;
    const link = new Link(() => new Promise((resolve) => (come = resolve)));
    const waiting = expect(link.connection()).rejects.toThrow(ConnectionEnded);
    await settled();
    await link.close();
    const late = new FakeConnection();
    come(late);
    await waiting;
    expect(late.isClosed()).toBe(true);
    expect(late.listening.size).toBe(0);
  });
});

describe('a connection that gives up reconnecting', () => {
  const warningsOf = async (maxReconnectAttempts: number, own: boolean) => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    try {
      const connection = Object.assign(new FakeConnection(), { options: { maxReconnectAttempts } });
      const link = new Link(own ? async () => connection : connection);
      await link.connection();
      await link.connection();
      await link.close();
      return warn.mock.calls.map(([text]) => text);
    } finally {
      warn.mockRestore();
    }
  };

  it('is warned of, once, where it is yours', async () => {
    expect(await warningsOf(10, false)).toEqual([expect.stringMatching(/gives up after 10 attempts/)]);
    expect(await warningsOf(-1, false)).toEqual([]);
    expect(await warningsOf(10, true)).toEqual([]);
  });
});

describe('a connection over which something was not answered', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] }));
  afterEach(() => void jest.useRealTimers());

  const unanswered = async (link: Link, connection: FakeConnection) => {
    connection.answer = () => new Error('timeout');
    await expect(link.request('$JS.API.STREAM.INFO.S', '')).rejects.toThrow('timeout');
  };

  it('stays while the server answers a ping', async () => {
    const connection = new FakeConnection();
    const link = new Link(async () => connection);
    await unanswered(link, connection);
    await jest.advanceTimersByTimeAsync(patienceMs + 1);
    expect([connection.isClosed(), jest.getTimerCount()]).toEqual([false, 0]);
    expect(await link.connection()).toBe(connection);
  });

  it("is made anew where it doesn't: by the log, if it is the log's, else by its client", async () => {
    const [dead, next, lent] = [new FakeConnection(), new FakeConnection(), new FakeConnection()];
    dead.alive = lent.alive = false;
    const coming = [dead, next];
    const own = new Link(async () => coming.shift() ?? next);
    let losses = 0;
    own.onLoss(() => losses++);
    await unanswered(own, dead);
    const link = new Link(lent);
    await unanswered(link, lent);
    await jest.advanceTimersByTimeAsync(patienceMs + 1);
    expect([dead.isClosed(), losses, lent.reconnects, lent.isClosed()]).toEqual([true, 1, 1, false]);
    expect(await own.connection()).toBe(next);
    await Promise.all([own.close(), link.close()]);
  });
});
