import { serveSnapshot } from '@tidemark/http';
import { type Broker, openDatabase, type SourceService } from '@tidemark-examples/support';
import { updatesLog } from './a-log';
import { TreeStore } from './a-store';
import { type Input, openHistory } from './input';
import { countChanges, Replay } from './replay';

/** The history, A's database file, and a broker if there is one. */
export interface AOptions {
  readonly input: Input;
  readonly file: string;
  readonly broker?: Broker | undefined;
}

/** A replays a history into a tree of its own: `/snapshot` is its current state, `/feed/` its updates topic (or a broker has it). */
export async function openA({ input, file, broker }: AOptions): Promise<SourceService> {
  const total = await countChanges(openHistory(input));
  const db = openDatabase(file);
  const log = updatesLog(db, () => openDatabase(file), broker);
  const store = new TreeStore(db, log.announce);
  const replay = new Replay(openHistory(input), total, (part) => store.apply(part));
  const snapshot = serveSnapshot(log.snapshots);
  return {
    handle: (req, res) => {
      const path = req.url ?? '/';
      if (path.startsWith('/snapshot')) snapshot.node(req, res);
      else if (log.feed !== undefined && path.startsWith('/feed/')) log.feed.node(req, res);
      else res.writeHead(404).end();
    },
    total,
    write: (upTo, onWritten) => replay.play(upTo, onWritten),
    head: log.head,
    trim: log.trim,
    close: async () => {
      await log.close();
      db.close();
    },
  };
}
