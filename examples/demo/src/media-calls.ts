import { Agent, request } from 'node:http';
import { type Operation } from './media-operations';

/** Y's API answered otherwise than it should. */
class CallFailed extends Error {
  override readonly name = 'CallFailed';
}

/** Calls Y's API, several at a time; calls for one assignment stay in order. */
export class Calls {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: lanes });
  private readonly lanes: Promise<void>[] = Array.from({ length: lanes }, () => Promise.resolve());

  constructor(private readonly url: string) {}

  /** Resolves as soon as there is room for the next call; `onDone` is called when this one is done. */
  async send(operation: Operation, onDone: () => void): Promise<void> {
    const lane = laneOf(operation.id);
    const before = this.lanes[lane];
    await before;
    const call = this.call(operation).then(onDone);
    call.catch(() => undefined); // whoever awaits the lane next is told
    this.lanes[lane] = call;
  }

  async settled(): Promise<void> {
    await Promise.all(this.lanes);
  }

  private call({ id, method, body }: Operation): Promise<void> {
    const url = `${this.url}/assignments${method === 'POST' ? '' : `/${id}`}`;
    return new Promise((resolve, reject) => {
      const req = request(url, { method, agent: this.agent }, (res) => {
        res.resume().once('error', reject);
        res.once('end', () => {
          const { statusCode = 0 } = res;
          if (statusCode >= 200 && statusCode < 300) resolve();
          else reject(new CallFailed(`${method} ${url}: ${statusCode}`));
        });
      });
      req.once('error', reject).end(body && JSON.stringify(body));
    });
  }
}

const lanes = 8;

function laneOf(id: string): number {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + char.charCodeAt(0)) % 65_521;
  return hash % lanes;
}
