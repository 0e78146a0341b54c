import { Kafka, logLevel } from 'kafkajs';
import { addressOf } from '../brokers/jest/tests';
import { demosOver } from './demo-over';

demosOver('kafka', 'Kafka', async () => {
  const admin = new Kafka({ brokers: addressOf('kafka').split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return (await admin.listTopics()).filter((topic) => topic.startsWith('tidemark-demo-'));
  } finally {
    await admin.disconnect();
  }
});
