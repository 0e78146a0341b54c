import { chaosOver } from './chaos-over';

chaosOver('kafka', 'Kafka', 13);
