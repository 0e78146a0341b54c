import { runSource, startOptions } from '@tidemark-examples/support';
import { openY } from './y-service';

/** How Y's process is started: the database file, and the port if it isn't to be any free one. */
export interface YOptions {
  readonly file: string;
  readonly port?: number | undefined;
}

const { file, port } = startOptions() as YOptions;

void runSource(async () => {
  const y = openY(file);
  // Y has nothing to replay: its updates come from whoever uses its API
  return { ...y, total: 0, write: async () => 0 };
}, port);
