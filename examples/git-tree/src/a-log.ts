import { type Broker, brokerLog, type Database } from '@tidemark-examples/support';
import { embeddedLog } from './a-embedded-log';
import { outboxLog } from './a-outbox-log';
import { type UpdatesLog } from './a-updates-log';

/** The one module of A's that names a log: a broker's, or one inside A's own database. */
export const updatesLog = (db: Database, reader: () => Database, broker: Broker | undefined): UpdatesLog =>
  broker === undefined ? embeddedLog(db, reader) : outboxLog(db, reader, brokerLog(broker, 'files'));
