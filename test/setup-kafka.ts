import { onlyWith } from './brokers/jest/tests';

jest.setTimeout(120_000);
onlyWith('kafka');
