import { addressOf } from '../../../test/brokers/jest/tests';
import { type OwnNats, startNats } from '../../../test/brokers/nats';
import { kafkaTopic, natsStream } from './broker-topics';
import { embedded, swapsBetween } from './swap-between';

const kafka = () => kafkaTopic(addressOf('kafka'), 3);

describe("from Y's own log to Kafka", () => {
  swapsBetween(embedded, kafka);
});

describe('from Kafka to NATS', () => {
  let nats: OwnNats;
  beforeAll(async () => {
    nats = await startNats();
  });
  afterAll(() => nats.stop());

  swapsBetween(kafka, () => natsStream(nats.address));
});
