import { itWithOwn } from './jest/tests';
import { upAndDown } from './jest/up-and-down';
import { kafkaJars } from './kafka-jars';

itWithOwn('kafka')('npm run brokers: up, still up, its status, down', () => upAndDown('kafka', [kafkaJars.folder]));
