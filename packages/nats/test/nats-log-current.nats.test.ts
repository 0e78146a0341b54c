import { transportContract } from '@tidemark/testkit';
import { itWithOwn } from '../../../test/brokers/jest/tests';
import { type OwnNats, startNats } from '../../../test/brokers/nats';
import { clientNames } from './clients';
import { kinds, moreKinds, natsContract } from './nats-fixture';

let server: OwnNats;
beforeAll(async () => {
  server = await startNats({ version: 'current' });
});
afterAll(() => server.stop());

const address = () => server.address;
for (const client of clientNames)
  for (const kind of kinds)
    transportContract({ describe, it: itWithOwn('nats') }, natsContract(address, { client, ...kind }));
for (const kind of moreKinds)
  transportContract(
    { describe, it: itWithOwn('nats') },
    natsContract(address, { client: '@nats-io/transport-node', ...kind }),
  );
