import { natsLog, type NatsTopic } from '@tidemark/nats';
import { eventually } from '@tidemark/testkit';
import * as nats from 'nats';
import { randomBytes } from 'node:crypto';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { addressOf, itWithOwn } from '../brokers/jest/tests';
import { type OwnNats, startNats } from '../brokers/nats';
import { FollowedThings } from './followed-things';
import { clientNames, OrderedAlone } from './nats-alone';

/*
 * What happens to a stream while nobody reads it, or while somebody does: Tidemark takes a new snapshot and says why; the clients'
 * own ordered consumers read on and lose.
 */

const connectionTo = (address: string) => () =>
  nats.connect({ servers: address, maxReconnectAttempts: -1, reconnectTimeWait: 50 });

/** A stream of one's own, and A's things in it. */
class Place {
  readonly name = `L${randomBytes(6).toString('hex')}`;
  readonly things: FollowedThings;
  private readonly log;

  private constructor(
    readonly address: string,
    readonly connection: nats.NatsConnection,
    readonly jsm: nats.JetStreamManager,
    private readonly config: Partial<nats.StreamConfig>,
    topic: Partial<NatsTopic>,
  ) {
    const subjects = topic.subjects?.map((subject) => `${this.name}.${subject}`);
    const things = { stream: this.name, publishTo: `${this.name}.things.*`, ...topic, subjects };
    this.log = natsLog({ connection: connectionTo(address), topics: { things } });
    this.things = new FollowedThings(this.log);
  }

  static async open(
    config: Partial<nats.StreamConfig> = {},
    topic: Partial<NatsTopic> = {},
    address = addressOf('nats'),
  ): Promise<Place> {
    const connection = await connectionTo(address)();
    const place = new Place(address, connection, await connection.jetstreamManager(), config, topic);
    await place.create();
    return place;
  }

  async create(): Promise<void> {
    await this.jsm.streams.add({ ...this.config, name: this.name, subjects: [`${this.name}.>`] });
  }

  async recreate(): Promise<void> {
    await this.jsm.streams.delete(this.name);
    await this.create();
  }

  async purge(): Promise<void> {
    await this.jsm.streams.purge(this.name);
  }

  /** Somebody else's messages in the same stream. */
  async others(count: number): Promise<void> {
    const js = this.connection.jetstream();
    for (let i = 0; i < count; i++) await js.publish(`${this.name}.others.${i}`, 'not a thing');
  }

  async close(): Promise<void> {
    await this.log[Symbol.asyncDispose]();
    this.things.close();
    await this.jsm.streams.delete(this.name).catch(() => undefined); // its server may be gone
    await this.connection.close();
  }
}

let place: Place;
/** Where it isn't the one that all tests share. */
let server: OwnNats | undefined;
afterEach(async () => {
  await place.close();
  await server?.stop();
  server = undefined;
});

interface Accident {
  /** Why B needs a new snapshot, if it does. */
  readonly reasons: readonly string[];
  readonly config?: Partial<nats.StreamConfig>;
  happens(place: Place): Promise<void>;
}

const accidents: readonly (readonly [name: string, accident: Accident])[] = [
  [
    'the stream was purged, and nothing was missed',
    {
      reasons: [],
      happens: async ({ things, ...rest }) => {
        await rest.jsm.streams.purge(rest.name);
        await things.write(0, 10);
      },
    },
  ],
  [
    'the stream was purged before everything was read',
    {
      reasons: ['expired'],
      happens: async ({ things, jsm, name }) => {
        await things.write(0, 60);
        await jsm.streams.purge(name);
        await things.write(60, 70);
      },
    },
  ],
  [
    'retention has passed the position',
    { reasons: ['expired'], config: { max_msgs: 50 }, happens: ({ things }) => things.write(0, 60) },
  ],
  [
    'the stream was deleted and created anew, and has more messages by now',
    {
      reasons: ['changed'],
      happens: async (there) => {
        await there.recreate();
        await there.things.write(0, 60);
      },
    },
  ],
  [
    'the stream was deleted and created anew, and the position is beyond its end',
    {
      reasons: ['changed'],
      happens: async (there) => {
        await there.recreate();
        await there.things.write(0, 10);
      },
    },
  ],
];

describe.each(accidents)('%s', (_, { reasons, config, happens }) => {
  it('I1, I7, I8: B is right afterwards, and says why it needed a new snapshot, if it did', async () => {
    place = await Place.open(config);
    const { things } = place;
    await things.write(0, 40);
    await things.follow();
    await happens(place);
    expect(await things.reasons()).toEqual(reasons);
    expect(things.replica()).toEqual(things.expected());
    await things.write(30, 50);
    expect(await things.reasons()).toEqual([]);
    expect(things.replica()).toEqual(things.expected());
  });
});

it('I1, I2: the consumer is deleted under a running pipeline: it goes on, without a new snapshot', async () => {
  place = await Place.open();
  const { things, jsm, name } = place;
  await things.write(0, 40);
  const pipeline = things.pipeline();
  const told: string[] = [];
  pipeline.subscribe({ next: ({ type }) => told.push(type), error: () => undefined });
  await pipeline.caughtUp();
  for (let round = 0; round < 5; round++) {
    const consumers = await jsm.consumers.list(name).next();
    expect(consumers.length).toBeGreaterThan(0);
    for (const consumer of consumers) await jsm.consumers.delete(name, consumer.name);
    await things.write(round * 10, round * 10 + 20);
    await pipeline.waitFor(await headOf(), { timeoutMs: 20_000 });
    expect(things.replica()).toEqual(things.expected());
  }
  await pipeline.stop();
  expect(told.filter((type) => type === 'mustRefetch' || type === 'lost')).toEqual([]);
  expect(told.filter((type) => type === 'snapshotEnd')).toHaveLength(1);
});

const headOf = () => place.things.log.locate('head', new AbortController().signal);

it('I1, I6: the stream is purged in mid-snapshot, past the place where the snapshot was taken: another one is taken', async () => {
  place = await Place.open();
  const { things } = place;
  await things.write(0, 40);
  let purged = 0;
  things.beforeRow = async (index) => {
    if (index !== 20 || purged++ > 0) return;
    await things.write(0, 30);
    await place.purge();
  };
  const told = await things.follow();
  expect(told.flatMap((event) => (event.type === 'mustRefetch' ? [event.reason] : []))).toEqual(['expired']);
  expect(things.replica()).toEqual(things.expected());
});

describe('a server whose files were replaced by older ones', () => {
  /** What was written since a copy of the store was made is gone; `overwrite` is written then. */
  async function loseTail(overwrite: (there: Place) => Promise<void>): Promise<readonly string[]> {
    const own = await startNats();
    server = own;
    place = await Place.open({}, {}, own.address);
    const { things } = place;
    const [data, copy] = ['data', 'copy'].map((folder) => join(own.directory, folder)) as [string, string];
    await things.write(0, 20);
    await own.kill();
    await cp(data, copy, { recursive: true });
    await own.restart();
    await eventually(
      () =>
        things.write(20, 40).then(
          () => true,
          () => false,
        ),
      'A goes on',
      30_000,
    );
    await things.follow();
    await own.kill();
    await rm(data, { recursive: true });
    await cp(copy, data, { recursive: true });
    await own.restart();
    await overwrite(place);
    const reasons = await things.reasons();
    expect(things.replica()).toEqual(things.expected());
    await things.write(0, 50);
    expect(await things.reasons()).toEqual([]);
    expect(things.replica()).toEqual(things.expected());
    return reasons;
  }

  itWithOwn('nats')('I1, I8: the position is ahead of the stream, and stays so', async () => {
    expect(await loseTail(async () => undefined)).toEqual(['ahead']);
  });

  itWithOwn('nats')('I1, I7: other messages have the sequences now: the witness tells', async () => {
    const others = async ({ things }: Place) => {
      const write = () => things.write(5, 45);
      await eventually(
        () =>
          write().then(
            () => true,
            () => false,
          ),
        'A goes on',
        30_000,
      );
    };
    expect(await loseTail(others)).toEqual(['changed']);
  });
});

it("I1: others' messages push the beginning of the stream past an idle position: it has moved on in time", async () => {
  place = await Place.open({ max_msgs: 100 }, { subjects: ['things.*'] });
  const { things } = place;
  await things.write(0, 20);
  const pipeline = things.pipeline();
  const told: string[] = [];
  pipeline.subscribe({ next: ({ type }) => told.push(type), error: () => undefined });
  await pipeline.caughtUp();
  const stands = async () => Number([...(await pipeline.position())!.offsets][0]!.through);
  for (let round = 0; round < 3; round++) {
    await place.others(80); // nothing of ours, and less than the stream holds
    const { state } = await place.jsm.streams.info(place.name);
    await eventually(async () => (await stands()) >= state.last_seq, 'the position moves on', 20_000);
  }
  const { state } = await place.jsm.streams.info(place.name);
  expect(state.first_seq).toBeGreaterThan(100);
  await things.write(10, 30);
  await pipeline.waitFor(await headOf(), { timeoutMs: 20_000 });
  await pipeline.stop();
  expect(things.replica()).toEqual(things.expected());
  expect(told).not.toContain('mustRefetch');
});

it.each<[string, Partial<nats.StreamConfig>, Partial<NatsTopic>, string]>([
  ['workqueue', { retention: nats.RetentionPolicy.Workqueue }, {}, 'its retention is "workqueue"'],
  ['interest', { retention: nats.RetentionPolicy.Interest }, {}, 'its retention is "interest"'],
  ['the latest of each subject', { max_msgs_per_subject: 1 }, {}, 'keeps: "compacted"'],
  ['compacted, by age too', { max_msgs_per_subject: 1, max_age: 6e13 }, { keeps: 'compacted' }, 'max_age'],
])('I1: a stream that would lose in silence is refused: %s', async (_, config, topic, why) => {
  place = await Place.open(config, topic);
  const error: unknown = await place.things
    .pipeline()
    .run()
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'INVALID_CONFIGURATION' });
  expect((error as Error).message).toContain(why);
});

describe.each(clientNames)("%s's own ordered consumer", (client) => {
  it('skips what a stream that was created anew has under sequences that it has had, and says nothing', async () => {
    place = await Place.open();
    const alone = await OrderedAlone.read(client, place.address, place.name);
    try {
      const js = place.connection.jetstream();
      const publish = (value: string) => js.publish(`${place.name}.things.a`, value);
      for (let i = 1; i <= 5; i++) await publish(`first ${i}`);
      await eventually(() => alone.values.length === 5, 'it follows');
      await place.recreate();
      for (let i = 1; i <= 5; i++) await publish(`second ${i}`);
      await pause(3_000); // it has found out that its consumer is gone, and made another one
      await publish('second 6');
      await eventually(() => alone.values.includes('second 6'), 'it goes on', 30_000);
      expect(alone.values.filter((value) => /^second [1-5]$/.test(value))).toEqual([]);
    } finally {
      await alone.stop();
    }
  });

  it('begins later than it was told where retention was faster, and says nothing', async () => {
    place = await Place.open();
    const js = place.connection.jetstream();
    for (let i = 1; i <= 30; i++) await js.publish(`${place.name}.things.a`, String(i));
    await place.jsm.streams.purge(place.name, { seq: 21 });
    const alone = await OrderedAlone.read(client, place.address, place.name, 4);
    try {
      await eventually(() => alone.values.length === 10, 'it reads');
      expect(alone.values[0]).toBe('21');
    } finally {
      await alone.stop();
    }
  });
});
