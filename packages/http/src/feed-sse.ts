import { TransportFault } from '@tidemark/core';

/** One server-sent event. */
export interface ServerEvent {
  readonly event: string;
  /** Its data lines, joined by newlines. */
  readonly data: string;
}

/**
 * The events of an SSE body (HTML standard, "Server-sent events"), as far as Durable Streams uses them: `event` and `data`.
 * What is cut off before its empty line is no event. Throws {@link TransportFault} for one beyond `maxBytes` characters.
 */
export async function* parseEvents(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  where: string,
): AsyncGenerator<ServerEvent, void, undefined> {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  let event = '';
  let data: string[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(lineEnd);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      size += line.length;
      if (line === '') {
        if (data.length > 0) yield { event, data: data.join('\n') };
        [event, data, size] = ['', [], 0];
      } else if (line.startsWith('event:')) event = fieldValue(line, 'event:');
      else if (line.startsWith('data:')) data.push(fieldValue(line, 'data:'));
    }
    if (size + rest.length > maxBytes)
      throw new TransportFault(
        `${where} sent an event of more than ${maxBytes} bytes; raise maxBodyBytes if that is right`,
      );
  }
}

/** A CR at the end of a chunk may be half of a CRLF: it waits for what follows. */
const lineEnd = /\r\n|\n|\r(?!$)/;

const fieldValue = (line: string, field: string): string => {
  const value = line.slice(field.length);
  return value.startsWith(' ') ? value.slice(1) : value;
};
