import { beginning, type NewRecord, type Publisher } from '@tidemark/core';
import { type NatsConnection } from '@tidemark/nats';
import { eventually } from '@tidemark/testkit';
import { setTimeout as pause } from 'node:timers/promises';
import { Proxy as Network } from '../../../test/chaos/proxy';
import { onBothServers } from './both-servers';
import { clients } from './clients';
import { OwnStream } from './own-stream';

const named = (key: string, value: string, id?: string): NewRecord => ({
  key,
  value: JSON.stringify({ key, value }),
  ...(id !== undefined && { headers: { 'Nats-Msg-Id': id } }),
});

/** The connection, on which the first request to this subject waits a while. */
function slowly(given: NatsConnection, slow: string): NatsConnection {
  let waited = false;
  return new Proxy(given, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'request')
        return (async (subject, ...rest) => {
          if (subject === slow && !waited) {
            waited = true;
            await pause(200);
          }
          return target.request(subject, ...rest);
        }) satisfies NatsConnection['request'];
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}

onBothServers(({ it, client, address }) => {
  /** `key=value` of all messages of the stream, in order. */
  async function held(stream: OwnStream): Promise<readonly string[]> {
    const log = stream.log();
    const over = new AbortController();
    const position = await log.locate('beginning', over.signal);
    const head = (await log.locate('head', over.signal)).offsets.through({ topic: stream.name, partition: '0' });
    const all: string[] = [];
    if (head === beginning) return all;
    for await (const event of log.read(() => Promise.resolve(position), over.signal)) {
      if (event.type !== 'delivery') continue;
      for (const { value } of event.records) {
        const { key, value: text } = JSON.parse(Buffer.from(value ?? []).toString()) as { key: string; value: string };
        all.push(`${key}=${text}`);
      }
      event.ack();
      if (event.through.through === head) over.abort();
    }
    return all;
  }

  const messagesOf = async (stream: OwnStream): Promise<number> =>
    ((await stream.api(`STREAM.INFO.${stream.name}`)) as { state: { messages: number } }).state.messages;

  async function withStream(test: (stream: OwnStream) => Promise<void>, config: object = {}): Promise<void> {
    const stream = await OwnStream.create(address(), client, config);
    try {
      await test(stream);
    } finally {
      await stream.close();
    }
  }

  type Through = (log: Publisher<'things'>, stream: OwnStream, proxy: Network) => Promise<void>;
  const throughProxy = (test: Through, config: object = {}) =>
    withStream(async (stream) => {
      const proxy = await Network.start();
      proxy.target = Number(address().split(':')[1]);
      try {
        await test(stream.log({ connection: () => clients[client](proxy.address) }), stream, proxy);
      } finally {
        proxy.heal();
        await stream.close();
        await proxy.stop();
      }
    }, config);

  /** What was sent is stored, and its answer never comes. */
  async function swallowAnswer(stream: OwnStream, proxy: Network, publish: () => Promise<unknown>): Promise<unknown> {
    const before = await messagesOf(stream);
    proxy.delayMs = 50; // time for the server to be asked how far it is
    const published = publish().then(
      () => undefined,
      (error: unknown) => error,
    );
    await eventually(async () => (await messagesOf(stream)) > before, 'it is stored');
    proxy.blackHole();
    proxy.cut();
    proxy.heal();
    return published;
  }

  it('I2: what was stored without an answer is sent again, and stored once', () =>
    throughProxy(async (log, stream, proxy) => {
      await log.publish('things', [named('a', '1')]);
      for (const value of ['2', '3'])
        expect(await swallowAnswer(stream, proxy, () => log.publish('things', [named('a', value)]))).toBeUndefined();
      const { offsets } = await log.publish('things', [named('b', '1')]);
      expect(offsets.through({ topic: stream.name, partition: '0' })).toBe('4');
      expect(await held(stream)).toEqual(['a=1', 'a=2', 'a=3', 'b=1']);
      expect(proxy.hits).toBeGreaterThan(1);
    }));

  it('I2: a stream that forgets sooner than an answer can come is sent nothing twice', () =>
    throughProxy(
      async (log, stream, proxy) => {
        const error = await swallowAnswer(stream, proxy, () => log.publish('things', [named('a', '1')]));
        expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
        expect(String(error)).toContain('may have been stored');
        await eventually(
          () =>
            log.publish('things', [named('b', '1')]).then(
              () => true,
              () => false,
            ),
          'it is connected again',
        );
        expect(await held(stream)).toEqual(['a=1', 'b=1']);
      },
      { duplicate_window: 100e6 },
    ));

  it('I2: with a `Nats-Msg-Id` of yours what you publish again after a crash is stored once', () =>
    withStream(async (stream) => {
      const records = [named('a', '1', 'row-1'), named('b', '1', 'row-2')];
      const first = await stream.log().publish('things', records);
      await stream.log().publish('things', [named('c', '1')]);
      const again = await stream.log().publish('things', [...records, named('d', '1', 'row-3')]);
      expect(await stream.log().publish('things', records)).toEqual(first); // where they stand
      expect(again.offsets.through({ topic: stream.name, partition: '0' })).toBe('4');
      expect(await held(stream)).toEqual(['a=1', 'b=1', 'c=1', 'd=1']);
    }));

  it('I2, I3: through a network that breaks all the time each record is stored once, those of a key in order', () =>
    throughProxy(async (log, stream, proxy) => {
      const keys = ['a', 'b', 'c'];
      const values = Array.from({ length: 40 }, (_, i) => String(i));
      const over = new AbortController();
      const breaking = (async () => {
        while (!over.signal.aborted) {
          const at = await messagesOf(stream);
          await eventually(
            async () => over.signal.aborted || (await messagesOf(stream)) > at + 3,
            'some more are stored',
          );
          proxy.cut();
        }
      })();
      try {
        const records = values.flatMap((value) => keys.map((key) => named(key, value, `${key}${value}`)));
        while (records.length > 0) {
          const some = records.slice(0, 30);
          // a relay's way: again, until it is accepted
          await eventually(
            () =>
              log.publish('things', some).then(
                () => true,
                () => false,
              ),
            'it is published',
          );
          records.splice(0, some.length);
        }
      } finally {
        over.abort();
        await breaking;
      }
      const all = await held(stream);
      for (const key of keys)
        expect(all.filter((one) => one.startsWith(key))).toEqual(values.map((value) => `${key}=${value}`));
      expect(proxy.hits).toBeGreaterThan(3);
    }));

  it('I3: when `publish` rejects, nothing of it comes after what is published next', () =>
    withStream(
      async (stream) => {
        const slow = slowly(stream.connection, `${stream.subject}.slow`);
        const log = stream.log({ connection: slow });
        const records = [named('big', 'x'.repeat(2_000)), named('slow', 'old')];
        await expect(log.publish('things', records)).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
        await log.publish('things', [named('slow', 'new'), named('end', '1')]);
        expect(await held(stream)).toEqual(['slow=old', 'slow=new', 'end=1']);
      },
      { max_msg_size: 1_000 },
    ));

  it('a stream that is full and discards what is new refuses it; the same is stored when there is room', () =>
    withStream(
      async (stream) => {
        const log = stream.log();
        await log.publish('things', [named('a', '1'), named('b', '1')]);
        const refused = [named('secretly', 'secret', 'once')];
        for (let tries = 0; tries < 2; tries++) {
          const error: unknown = await log.publish('things', refused).catch((thrown: unknown) => thrown);
          expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
          expect(String(error)).toMatch(/maximum messages exceeded/);
          expect(String(error)).not.toMatch(/secret/);
        }
        await stream.remove(1);
        await log.publish('things', refused);
        expect(await held(stream)).toEqual(['b=1', 'secretly=secret']);
      },
      { max_msgs: 2, discard: 'new' },
    ));

  it('what NATS can not carry is refused before anything is sent, without a word of it', () =>
    withStream(async (stream) => {
      const log = stream.log();
      const fine = named('fine', '1');
      const header = (name: string, value: string): NewRecord => ({ ...fine, headers: { [name]: value } });
      const bad: readonly NewRecord[] = [
        named('secret', 'x'.repeat(1024 * 1024)),
        { ...fine, key: 'secret\ud800' },
        { ...fine, key: `secret${'x'.repeat(5_000)}` },
        { ...fine, key: `secret${'é'.repeat(1_000)}` },
        header('a b', 'secret'),
        header('a:b', 'secret'),
        header('', 'secret'),
        header('ä', 'secret'),
        header('a', 'secret\r\nb: c'),
        header('a', ' secret'),
        header('a', 'secret\t'),
        header('a', 'secret\udc00'),
      ];
      for (const record of bad) {
        const error: unknown = await log.publish('things', [fine, record]).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'INVALID_CONFIGURATION', retryable: false });
        expect(`${String(error)} ${String((error as Error).cause)}`).not.toMatch(/secret/);
      }
      expect(await messagesOf(stream)).toBe(0);
      await log.publish('things', [{ ...fine, key: 'x'.repeat(3_700) }, header('a', 'ü €')]);
      expect(await messagesOf(stream)).toBe(2);
    }));

  it('a message that is bigger than the stream takes is refused for good', () =>
    withStream(
      async (stream) => {
        await expect(stream.log().publish('things', [named('a', 'x'.repeat(2_000))])).rejects.toMatchObject({
          code: 'INVALID_CONFIGURATION',
          message: expect.stringContaining('max_msg_size') as unknown,
        });
        expect(await messagesOf(stream)).toBe(0);
      },
      { max_msg_size: 1_000 },
    ));

  it('a stream that is not there is trouble that passes: it goes on when it is created', () =>
    withStream(async (stream) => {
      const log = stream.log();
      await stream.api(`STREAM.DELETE.${stream.name}`);
      const error: unknown = await log
        .publish('things', [named('secretly', 'secret')])
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
      expect(String(error)).toMatch(/create the stream/);
      expect(String(error)).not.toMatch(/secret/);
      await stream.make();
      await log.publish('things', [named('a', '1')]);
      expect(await held(stream)).toEqual(['a=1']);
    }));

  it("a subject of another stream, or of nobody's, takes nothing, and its key is not told", () =>
    withStream(async (other) =>
      withStream(async (stream) => {
        const record = named('secretly', 'secret');
        const elsewhere = stream.log({ topic: { publishTo: `${other.subject}.>` } });
        const error: unknown = await elsewhere.publish('things', [record]).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'INVALID_CONFIGURATION', retryable: false });
        expect(String(error)).not.toMatch(/secret/);
        expect(await messagesOf(other)).toBe(0);
        const nowhere = stream.log({ topic: { publishTo: `${stream.name}.nowhere.>` } });
        const unheard: unknown = await nowhere.publish('things', [record]).catch((thrown: unknown) => thrown);
        expect(unheard).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
        expect(`${String(unheard)} ${String((unheard as Error).cause)}`).not.toMatch(/secret|may have been stored/);
      }),
    ));

  it('somebody else who answers is not taken for the stream', () =>
    withStream(async (stream) => {
      const connection = await clients[client](address());
      try {
        for (const answer of ['{"secret":1}', 'secret', 'null']) {
          const subject = `${stream.name}.foreign${answer.length}`;
          const echo = connection.subscribe(`${subject}.>`, {
            callback: (_, { reply }) => {
              if (reply !== undefined) connection.publish(reply, answer);
            },
          });
          await connection.request(`${subject}.x`, '', { timeout: 2_000 });
          const log = stream.log({ topic: { publishTo: `${subject}.>` } });
          const error: unknown = await log.publish('things', [named('a', '1')]).catch((thrown: unknown) => thrown);
          expect(error).toMatchObject({ code: 'TRANSPORT_FAULT' });
          expect(String(error)).not.toMatch(/secret/);
          echo.unsubscribe();
        }
      } finally {
        await connection.close();
      }
    }));
});
