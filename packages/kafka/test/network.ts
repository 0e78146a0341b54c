import { Kafka, logLevel } from 'kafkajs';
import { connect, type Socket } from 'node:net';
import { addressOf } from '../../../test/brokers/jest/tests';

/** Sockets that can be cut off, all at once. */
export class Network {
  private readonly sockets = new Set<Socket>();
  private down = false;

  readonly client = (): Kafka =>
    new Kafka({
      brokers: addressOf('kafka').split(','),
      logLevel: logLevel.NOTHING,
      retry: { retries: 2, initialRetryTime: 50 },
      socketFactory: ({ host, port, onConnect }) => {
        const socket = connect({ host, port }, onConnect);
        this.sockets.add(socket);
        socket.once('close', () => this.sockets.delete(socket));
        if (this.down) socket.destroy(new Error('the network is down'));
        return socket;
      },
    });

  cut(): () => void {
    this.down = true;
    for (const socket of this.sockets) socket.destroy(new Error('cut off')); // without an error kafkajs notices nothing
    return () => {
      this.down = false;
    };
  }
}
