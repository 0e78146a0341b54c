import { type Broker, brokerLog, type Database } from '@tidemark-examples/support';
import { embeddedLog } from './y-embedded-log';
import { outboxLog } from './y-outbox-log';
import { type UpdatesLog } from './y-updates-log';

/** The one module of Y's that names a log: a broker's, or one inside Y's own database. */
export const updatesLog = (db: Database, reader: () => Database, broker: Broker | undefined): UpdatesLog =>
  broker === undefined ? embeddedLog(db, reader) : outboxLog(db, reader, brokerLog(broker, 'assignments'));
