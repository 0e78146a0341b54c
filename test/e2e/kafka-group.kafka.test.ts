import { AssignerProtocol, type Admin, Kafka, logLevel } from 'kafkajs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { addressOf } from '../brokers/jest/tests';
import { createTopic } from '../brokers/kafka-topic';
import { type AOptions } from '../chaos/a-process';
import { type ServicePlace } from '../chaos/broker';
import { Process, until } from '../chaos/process';
import { thingsOf } from '../chaos/things';
import { ServiceB } from './service-b';
import { eventually, type Member, same, sharingRounds, watchMarks } from './sharing-rounds';

const partitions = 12;
const rounds = 10;

let directory: string;
let file: string;
let service: ServicePlace;
let admin: Admin;
let a: Process;
let url: string;
let instances: ServiceB[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-group-'));
  file = join(directory, 'b.db');
  const [address = ''] = addressOf('kafka').split(',');
  service = { address, name: basename(directory) };
  admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await createTopic(admin, { topic: service.name, numPartitions: partitions });
  const options: AOptions = { broker: 'kafka', directory, service, seed: 1, size: 240, pauseMs: 10, journal: false };
  a = new Process(join(__dirname, '../dist/chaos/a-process.js'), options);
  await until('A listens', () => a.count('listens') > 0);
  url = `http://127.0.0.1:${a.told.find(({ type }) => type === 'listens')?.port}`;
});
afterEach(async () => {
  for (const b of instances) {
    b.signal('SIGCONT');
    await b.kill();
  }
  instances = [];
  await a.kill();
  await admin.deleteTopics({ topics: [service.name] });
  await admin.disconnect();
  await rm(directory, { recursive: true, force: true });
});

function another(): Member {
  const name = `i${instances.length + 1}`;
  const b = new ServiceB(url, file, { broker: 'kafka', service, owner: name });
  instances.push(b);
  return { name, b };
}

/** How many partitions each has, as the group's coordinator tells. */
async function shares(): Promise<ReadonlyMap<string, number>> {
  const { groups } = await admin.describeGroups([service.name]);
  const counts = new Map<string, number>();
  for (const { clientId, memberAssignment } of groups[0]?.members ?? []) {
    const has = AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment[service.name] ?? [];
    counts.set(clientId, (counts.get(clientId) ?? 0) + has.length);
  }
  return counts;
}

it('I1, I2, I11: three members of a group share twelve partitions: ten rounds of one killed, one frozen past its session, one joining', async () => {
  const started = [another(), another(), another()];
  await until('somebody has bootstrapped', () => instances.some((b) => b.count('snapshotEnd') > 0));
  const positions = watchMarks(file);
  const members = await sharingRounds({ file, partitions, another, shares }, started, rounds);

  await a.ask('quiet', 'quiet');
  const written = thingsOf(join(directory, 'a.db'));
  await eventually('B equals A', async () => same(thingsOf(file), written));
  await until('all have caught up', () => members.every(({ b }) => b.caughtUp));
  positions.stop();
  expect(thingsOf(file)).toEqual(written);
  expect(positions.backwards).toEqual([]);
  expect(positions.looks()).toBeGreaterThan(100);
  const count = (type: string) => instances.reduce((sum, b) => sum + b.count(type), 0);
  expect([count('snapshotEnd'), count('mustRefetch'), count('failed')]).toEqual([1, 0, 0]);
  for (const { b } of members) await b.stop();
  expect([...(await shares())]).toEqual([]);
});
