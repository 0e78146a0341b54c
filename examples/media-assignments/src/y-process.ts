import { type Broker, runSource, startOptions } from '@tidemark-examples/support';
import { openY } from './y-service';

/** How Y's process is started: the database file, a broker if there is one, and the port if it isn't to be any free one. */
export interface YOptions {
  readonly file: string;
  readonly broker?: Broker | undefined;
  readonly port?: number | undefined;
}

const { file, broker, port } = startOptions() as YOptions;

void runSource(async () => {
  const y = openY(file, broker);
  // Y has nothing to replay: its updates come from whoever uses its API
  return { ...y, total: 0, write: async () => 0 };
}, port);
