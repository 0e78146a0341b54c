import { eventually } from '@tidemark/testkit';
import { setTimeout as pause } from 'node:timers/promises';
import { addressOf } from '../../../test/brokers/jest/tests';
import { delivering, Orders } from './orders';

const sessionTimeoutMs = 1_000;

let orders: Orders;
beforeEach(async () => {
  orders = await Orders.create(addressOf('kafka'), 4);
});
afterEach(() => orders.close());

it('I1, I5: a handler that takes several session timeouts costs no membership, and a second member joins meanwhile', async () => {
  const member = (clientId: string) => orders.log({ group: orders.group, sessionTimeoutMs, clientId });
  const revocations = ({ told }: ReturnType<typeof delivering>) => told.filter(({ type }) => type === 'revoked').length;
  const first = member('first');
  await orders.publish(
    first,
    Array.from({ length: 40 }, (_, i) => `before-${i}`),
  );
  const handled: string[] = [];
  let slow: (() => void) | undefined;
  let entered = 0;
  const one = delivering(first, async (id) => {
    entered++;
    if (slow === undefined) await new Promise<void>((resolve) => (slow = resolve));
    handled.push(id);
  });
  await eventually(() => slow, 'the handler is at work');
  const memberId = (await orders.members()).get('first');
  expect(memberId).toBeDefined();
  await pause(4 * sessionTimeoutMs);
  expect((await orders.members()).get('first')).toBe(memberId);
  expect([entered, handled, revocations(one)]).toEqual([1, [], 0]);

  const two = delivering(member('second'), (id) => void handled.push(id));
  await eventually(
    () => two.told.some((event) => event.type === 'assigned' && event.partitions.length === 2),
    'the second member has its share',
  );
  await pause(2 * sessionTimeoutMs);
  expect((await orders.members()).get('first')).toBe(memberId);
  expect([entered, slow !== undefined]).toEqual([1, true]);

  slow?.();
  await orders.publish(
    first,
    Array.from({ length: 40 }, (_, i) => `after-${i}`),
  );
  await eventually(() => new Set(handled).size === 80, 'everything is handled');
  const ends = await orders.admin.fetchTopicOffsets(orders.topic);
  const heads = ends.sort((a, b) => a.partition - b.partition).map(({ high }) => high);
  await eventually(async () => String(await orders.committed()) === String(heads), 'everything is saved');
  expect((await orders.members()).get('first')).toBe(memberId);
  await Promise.all([one.pipeline.stop(), two.pipeline.stop()]);
  for (const { told } of [one, two]) expect(told.filter(({ type }) => type === 'lost')).toEqual([]);
});
