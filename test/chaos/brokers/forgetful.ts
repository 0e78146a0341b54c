import { type TransportEvent } from '@tidemark/core';
import { type Broker } from '../broker';
import { embedded } from './embedded';

/** The embedded log, read by a transport that leaves out a record now and then: the oracle must see it. */
export const forgetful: Broker = {
  ...embedded,
  faults: ['killB', 'cut'],
  follow(place, db, options) {
    const transport = embedded.follow(place, db, options);
    return {
      ...transport,
      async *read(start, signal) {
        for await (const event of transport.read(start, signal)) yield without(event);
      },
    };
  },
};

const without = (event: TransportEvent<'things'>): TransportEvent<'things'> =>
  event.type === 'delivery'
    ? { ...event, records: event.records.filter(({ offset }) => Number(offset) % 50 !== 49) }
    : event;
