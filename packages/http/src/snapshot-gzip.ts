import { pipeline, type TransformOptions } from 'node:stream';
import { setImmediate as immediate } from 'node:timers/promises';
import { constants, createGzip, type Gzip, type ZlibOptions } from 'node:zlib';

/** Does this Accept-Encoding header take gzip? Nothing said is no. */
export function acceptsGzip(header: string | null): boolean {
  const quality = new Map<string, number>();
  for (const one of (header ?? '').toLowerCase().split(',')) {
    const [coding = '', ...parameters] = one.split(';').map((part) => part.trim());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    quality.set(coding, q === undefined ? 1 : Number(q.slice(2)));
  }
  return (quality.get('gzip') ?? quality.get('*') ?? 0) > 0;
}

/** Fast rather than small; buffers of about two frames, so that frames are made while zlib's thread works. */
const gzipOptions: ZlibOptions & TransformOptions = {
  level: constants.Z_BEST_SPEED,
  chunkSize: 65_536,
  highWaterMark: 131_072,
};

/** The parts, compressed. Holds no more than zlib's own buffers; ending it early ends the parts. */
export async function* gzipped(
  parts: AsyncGenerator<Buffer, void, undefined>,
): AsyncGenerator<Buffer, void, undefined> {
  const gzip = createGzip(gzipOptions);
  // an error of the parts destroys gzip, whose iteration below throws it
  pipeline(flushing(parts, gzip), gzip, () => undefined);
  for await (const bytes of gzip) yield bytes as Buffer;
}

/** What zlib holds is let out whenever the next part isn't there yet: a slow snapshot must not look like a stalled one. */
async function* flushing(
  parts: AsyncGenerator<Buffer, void, undefined>,
  gzip: Gzip,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    for (;;) {
      const next = parts.next();
      if (!(await isThere(next))) gzip.flush(constants.Z_SYNC_FLUSH);
      const part = await next;
      if (part.done === true) return;
      yield part.value;
    }
  } finally {
    await parts.return();
  }
}

const isThere = (next: Promise<unknown>): Promise<boolean> =>
  Promise.race([next.then(() => true), immediate().then(() => false)]);
