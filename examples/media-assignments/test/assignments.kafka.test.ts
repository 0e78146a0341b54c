import { addressOf } from '../../../test/brokers/jest/tests';
import { assignmentsOver } from './assignments-over';
import { kafkaTopic } from './broker-topics';

assignmentsOver(() => kafkaTopic(addressOf('kafka'), 4));
