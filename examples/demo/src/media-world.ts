import { join } from 'node:path';
import { replicaRows, sourceRows, toldAgain, xProcess, yProcess } from '@tidemark-examples/media-assignments';
import { type BrokerTopic } from './broker-topic';
import { Calls } from './media-calls';
import { operations } from './media-operations';
import { seededRandom } from './random';
import { followerOptions } from './times';
import { type World } from './world';

/** Updates for each row. */
const updatesPerRow = 10;

/** Service Y, written to through its API, and service X. */
export function mediaWorld(
  dir: string,
  { size, seed }: { readonly size: number; readonly seed: number },
  topic: BrokerTopic | undefined,
): World {
  const [yFile, xFile] = [join(dir, 'y.db'), join(dir, 'x.db')];
  return {
    what: 'media assignments',
    source: { file: yProcess, options: { file: yFile, broker: topic?.broker } },
    follower: { file: xProcess, options: { file: xFile, ...followerOptions(topic) } },
    workload: ({ url }) => {
      const calls = new Calls(url);
      const next = operations(size, seededRandom(seed));
      let [sent, done] = [0, 0];
      return {
        total: size * updatesPerRow,
        initial: size,
        writeTo: async (updates, onWritten) => {
          for (; sent < updates; sent++) await calls.send(next.next().value, () => onWritten(++done));
          await calls.settled();
          return done;
        },
      };
    },
    sourceRows: () => sourceRows(yFile),
    replicaRows: () => replicaRows(xFile),
    toldAgain: () => toldAgain(xFile),
    exact: topic === undefined,
    trim: topic?.trim,
    key: 'workId',
    oracles: [],
  };
}
