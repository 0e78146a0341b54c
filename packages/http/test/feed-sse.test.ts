import { TransportFault } from '@tidemark/core';
import * as fc from 'fast-check';
import { parseEvents, type ServerEvent } from '../src/feed-sse';
import { anyChar } from './any-text';

async function* inChunks(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

async function read(text: string, sizes: readonly number[] = [], max = 10_000): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of parseEvents(inChunks(Buffer.from(text), sizes), max, 'here')) events.push(event);
  return events;
}

describe('server-sent events', () => {
  it('come out whatever the line ends and wherever the chunks are cut', async () => {
    const line = fc.string({ unit: anyChar, maxLength: 8 }).map((s) => s.replace(/[\r\n\ufeff]/g, ''));
    const event = fc.record({ event: line, data: fc.array(line, { minLength: 1, maxLength: 4 }) });
    const end = fc.constantFrom('\n', '\r\n', '\r');
    await fc.assert(
      fc.asyncProperty(fc.array(event), end, fc.array(fc.nat(9)), async (events, eol, sizes) => {
        const text = events
          .map(({ event: name, data }) => [`event: ${name}`, ...data.map((d) => `data: ${d}`), '', ''].join(eol))
          .join(`: a comment${eol}`);
        // the last line end may be half of a longer one: another event settles it
        expect(await read(`${text}data: last${eol}${eol}:`, sizes)).toEqual([
          ...events.map(({ event: name, data }) => ({ event: name, data: data.join('\n') })),
          { event: '', data: 'last' },
        ]);
      }),
    );
  });

  it('are none before their empty line, and none without data', async () => {
    expect(await read('event: data\ndata: [1]\n')).toEqual([]);
    expect(await read('event: ping\n\ndata:1\n\n')).toEqual([{ event: '', data: '1' }]);
  });

  it('I9: are refused beyond the cap, also when they never end', async () => {
    await expect(read(`data: ${'x'.repeat(50)}`, [], 40)).rejects.toThrow(TransportFault);
    await expect(read('data: x\n'.repeat(50), [8, 8, 8], 40)).rejects.toThrow(TransportFault);
    expect(await read('data: x\n\n'.repeat(50), [9, 9], 500)).toHaveLength(50);
  });
});
