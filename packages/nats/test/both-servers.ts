import { itWithOwn } from '../../../test/brokers/jest/tests';
import { type OwnNats, startNats } from '../../../test/brokers/nats';
import { type ClientName, clientNames } from './clients';

export interface Under {
  readonly version: 'floor' | 'current';
  readonly client: ClientName;
  address(): string;
  readonly it: jest.It;
}

const pairs: { readonly [V in Under['version']]: readonly ClientName[] } = {
  floor: ['nats'],
  current: ['@nats-io/transport-node'],
};

/**
 * The same tests with the oldest server that will do and a current one, and with both clients: each with each, or, where tests wait for
 * what doesn't come, the older with the older one.
 */
export function onBothServers(tests: (under: Under) => void, { inPairs = false } = {}): void {
  describe.each(['floor', 'current'] as const)('%s server', (version) => {
    let server: OwnNats;
    beforeAll(async () => {
      server = await startNats({ version });
    });
    afterAll(() => server.stop());
    describe.each(inPairs ? pairs[version] : clientNames)('%s', (client) => {
      tests({ version, client, address: () => server.address, it: itWithOwn('nats') });
    });
  });
}
