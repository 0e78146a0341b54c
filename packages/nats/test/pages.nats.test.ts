import { beginning, type Page } from '@tidemark/core';
import { Link } from '../src/connection';
import { JetStream } from '../src/jetstream';
import { Pages } from '../src/pages';
import { streamTopics } from '../src/topics';
import { onBothServers } from './both-servers';
import { OwnStream } from './own-stream';

onBothServers(({ it, client, address }) => {
  it('I1: nothing is passed over when another subject is purged, by its end or in between', async () => {
    const stream = await OwnStream.create(address(), client);
    const { names, byName } = streamTopics({ things: { stream: stream.name } });
    const link = new Link(stream.connection);
    const pages = new Pages(new JetStream(link), byName);
    const partition = { topic: names.things, partition: '0' };
    const { signal } = new AbortController();
    const read = async (after: Page['through']): Promise<Page> => {
      for (let tries = 0; tries < 100; tries++) {
        const page = await pages.page(partition, after, { wait: false, signal });
        if ('lost' in page) throw new Error(`lost: ${page.lost}`);
        if (page.records.length > 0 || page.atHead) return page;
      }
      throw new Error('neither records nor the head');
    };
    const offsets = ({ records }: Page) => records.map(({ offset }) => offset);
    await stream.publish(`${stream.subject}.a`, '1');
    const first = await read(beginning);
    expect(offsets(first)).toEqual(['1']);

    await stream.publish(`${stream.subject}.b`, '2');
    await stream.publish(`${stream.subject}.a`, '3');
    await stream.purge({ filter: `${stream.subject}.a`, keep: 1 });
    const second = await read(first.through);
    expect(offsets(second)).toEqual(['2', '3']);

    await stream.publish(`${stream.subject}.b`, '4');
    await stream.publish(`${stream.subject}.a`, '5');
    await stream.purge({ filter: `${stream.subject}.a` });
    const third = await read(second.through);
    expect(offsets(third)).toEqual(['4']);
    pages.close();
    await link.close();
    await stream.close();
  });
});
