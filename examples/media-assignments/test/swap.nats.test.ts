import { addressOf } from '../../../test/brokers/jest/tests';
import { natsStream } from './broker-topics';
import { embedded, swapsBetween } from './swap-between';

// from Kafka to NATS: swap.kafka.test.ts
swapsBetween(embedded, () => natsStream(addressOf('nats')));
