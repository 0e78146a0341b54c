import { addressOf } from '../brokers/jest/tests';
import { connect } from 'nats';
import { demosOver } from './demo-over';

demosOver('nats', 'NATS', async () => {
  const connection = await connect({ servers: addressOf('nats') });
  try {
    const { streams } = await connection.jetstreamManager();
    const found: string[] = [];
    for await (const name of streams.names()) if (name.startsWith('tidemark-demo-')) found.push(name);
    return found;
  } finally {
    await connection.close();
  }
});
