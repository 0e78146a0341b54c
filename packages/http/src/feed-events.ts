import { closed, type LossReason, type Page } from '@tidemark/core';
import { arrayText, type FeedStream } from './feed-answer';
import { encodeOffset } from './feed-token';
import { type FeedLog, pageWhenThere, within } from './feed-wait';

/** A control event says that we are still there at least this often, in milliseconds. */
const keepAliveMs = 15_000;

/** One SSE answer, from its first page on. It ends after `eventsMs` milliseconds, or where the partition can't be read on. */
export function eventsAnswer(ask: {
  readonly log: FeedLog;
  readonly stream: FeedStream;
  readonly first: Page;
  readonly eventsMs: number;
  readonly cursor: () => string;
  readonly signal: AbortSignal;
}): Response {
  const ended = new AbortController();
  const events = eventsOf(ask, AbortSignal.any([ask.signal, ended.signal]));
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await events.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel() {
        ended.abort();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    },
  });
}

async function* eventsOf(
  { log, stream, first, eventsMs, cursor }: Parameters<typeof eventsAnswer>[0],
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const ends = performance.now() + eventsMs;
  for (let page = first; ;) {
    yield pageEvents(stream, page, cursor());
    const left = ends - performance.now();
    if (page.through === closed || left < 2) return; // timers are exact to a millisecond or so
    const next = await nextPage(log, stream, page, Math.min(left, keepAliveMs), signal);
    if ('lost' in next) return; // the client asks anew, and is told then
    page = next;
  }
}

/** At the head an empty page stands for "nothing new yet". */
async function nextPage(
  log: FeedLog,
  { partition }: FeedStream,
  { through, atHead }: Page,
  ms: number,
  signal: AbortSignal,
): Promise<Page | { readonly lost: LossReason }> {
  if (!atHead) return log.page(partition, through, { wait: false, signal });
  const page = await within(ms, signal, (soon) => pageWhenThere(log, partition, through, soon));
  return page ?? { records: [], through, atHead: true };
}

/** A `data` event, if there are records, and the `control` event that tells where they end. */
function pageEvents(stream: FeedStream, page: Page, cursor: string): string {
  const data = page.records.length === 0 ? '' : event('data', arrayText(stream, page));
  const control = {
    streamNextOffset: encodeOffset(stream.order, page.through),
    streamCursor: cursor,
    ...(page.atHead ? { upToDate: true } : {}),
    ...(page.through === closed ? { streamClosed: true } : {}),
    tidemark: { epoch: page.epoch, witness: page.witness, lag: page.lag?.toString() },
  };
  return data + event('control', JSON.stringify(control));
}

/** Line ends inside JSON are white space, so each line may become a `data:` line. */
const event = (name: string, text: string): string =>
  `event: ${name}\n${text
    .split(/\r\n|\r|\n/)
    .map((line) => `data:${line}`)
    .join('\n')}\n\n`;
