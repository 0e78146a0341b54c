import { addressOf } from '../../../test/brokers/jest/tests';
import { assignmentsOver } from './assignments-over';
import { natsStream } from './broker-topics';

assignmentsOver(() => natsStream(addressOf('nats')));
