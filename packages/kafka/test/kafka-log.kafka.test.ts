import { transportContract } from '@tidemark/testkit';
import { kafkaContract } from './kafka-fixture';

transportContract({ describe, it }, kafkaContract('kafkaLog', 'all'));
