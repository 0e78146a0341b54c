import { beginning } from '@tidemark/core';
import { eventually } from '@tidemark/testkit';
import { addressOf, itWithOwn } from '../../../test/brokers/jest/tests';
import { startKafka } from '../../../test/brokers/kafka';
import { Orders } from './orders';

const idOf = (value: Uint8Array | null): string => (JSON.parse(String(value)) as { id: string }).id;

/** What the topic holds, in the order of its one partition, up to its head. */
async function held(orders: Orders): Promise<readonly string[]> {
  const log = orders.log();
  const over = new AbortController();
  const position = await log.locate('beginning', over.signal);
  const head = await log.locate('head', over.signal);
  const last = head.offsets.through({ topic: orders.topic, partition: '0' });
  const ids: string[] = [];
  for await (const event of log.read(() => Promise.resolve(position), over.signal)) {
    if (event.type !== 'delivery') continue;
    ids.push(...event.records.map(({ value }) => idOf(value)));
    event.ack();
    if (last === beginning || event.through.through === last) over.abort();
  }
  return ids;
}

itWithOwn('kafka')('I1: what is published after a failed `publish` is not taken for its repetition', async () => {
  const broker = await startKafka();
  const orders = await Orders.create(broker.address, 1);
  try {
    const log = orders.log({ client: orders.impatientClient() });
    await orders.publish(log, ['before']);
    broker.freeze();
    await expect(orders.publish(log, ['lost to sight'])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    });
    broker.thaw();
    // the frozen broker had it in its socket, and writes it now; but nobody was told
    await eventually(async () => (await held(orders)).length === 2, 'it stands in the log');
    await eventually(
      () =>
        orders.publish(log, ['after']).then(
          () => true,
          () => false,
        ),
      'it is published',
    );
    expect((await held(orders)).slice(0, 3)).toEqual(['before', 'lost to sight', 'after']);
  } finally {
    broker.thaw();
    await orders.close();
    await broker.stop();
  }
});

it('I11: who has lost its transactional id to another process publishes nothing more', async () => {
  const orders = await Orders.create(addressOf('kafka'), 1);
  try {
    const old = orders.log({ transactionalId: orders.group });
    await orders.publish(old, ['one']);
    const current = orders.log({ transactionalId: orders.group });
    await orders.publish(current, ['two']);
    for (let tries = 0; tries < 3; tries++)
      await expect(orders.publish(old, ['refused'])).rejects.toMatchObject({ code: 'FENCED_OUT' });
    await orders.publish(current, ['three']);
    expect(await held(orders)).toEqual(['one', 'two', 'three']);
  } finally {
    await orders.close();
  }
});
