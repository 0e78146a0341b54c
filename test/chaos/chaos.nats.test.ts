import { chaosOver } from './chaos-over';

chaosOver('nats', 'NATS', 35);
