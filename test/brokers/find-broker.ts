import process from 'node:process';
import { type BrokerKind } from './broker';
import { type BrokerName, brokers } from './brokers';
import { dockerAnswers, startInDocker } from './docker';
import { addressVariable } from './variables';

/** A broker for the tests of one run. */
export interface FoundBroker {
  readonly address: string;
  readonly from: 'environment' | 'docker' | 'own process';
  /** Ends what was started; nothing where it was there before. */
  stop(): Promise<void>;
}

/**
 * The broker that the environment names, or one in Docker, or one of our own. Rejects with `Unavailable` where there is none, and
 * with another error where one should be and doesn't answer.
 */
export async function findBroker(name: BrokerName): Promise<FoundBroker> {
  const kind: BrokerKind = brokers[name];
  const address = process.env[addressVariable(name)];
  if (address) {
    await kind.answers(address).catch((error: unknown) => {
      throw new Error(`nothing answers at ${addressVariable(name)}=${address}: ${String(error)}`, { cause: error });
    });
    return { address, from: 'environment', stop: async () => undefined };
  }
  if (await dockerAnswers()) return { ...(await startInDocker(kind)), from: 'docker' };
  const own = await kind.start({});
  return { address: own.address, from: 'own process', stop: () => own.stop() };
}
