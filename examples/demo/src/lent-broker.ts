import { fork } from 'node:child_process';
import { join } from 'node:path';

/** A broker that is there for this run. */
export interface LentBroker {
  readonly address: string;
  /** Where it is from: `environment`, `docker` or `own process`. */
  readonly from: string;
  /** Ends it, if it was started for this run. */
  readonly giveBack: () => Promise<void>;
}

/** There is no broker, or none can be started; the message says why. */
class NoBroker extends Error {
  override readonly name = 'NoBroker';
}

/** What test/brokers/lend-process.ts tells. */
type LenderSays =
  | { readonly says: 'lent'; readonly address: string; readonly from: string }
  | { readonly says: 'failed'; readonly error: string };

const lender = join(__dirname, '../../../test/dist/brokers/lend-process.js');

/**
 * The broker that the environment names, or one in Docker, or one of its own: as the tests find theirs. A process of its own has it,
 * so it ends with this one, however that ends.
 */
export async function lentBroker(name: string): Promise<LentBroker> {
  const child = fork(lender, [name], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? code ?? 'nothing'}`));
  });
  const said = new Promise<LenderSays>((resolve) => {
    child.once('message', (message) => resolve(message as LenderSays));
    void ended.then((error) => resolve({ says: 'failed', error }));
  });
  const answer = await said;
  if (answer.says === 'failed') throw new NoBroker(`${name}: ${answer.error}`);
  return {
    address: answer.address,
    from: answer.from,
    giveBack: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
