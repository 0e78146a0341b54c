import { onlyWith } from './brokers/jest/tests';

jest.setTimeout(60_000);
onlyWith('nats');
