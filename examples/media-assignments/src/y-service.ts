import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type Position } from '@tidemark/core';
import { serveSnapshot } from '@tidemark/http';
import { type Broker, openDatabase } from '@tidemark-examples/support';
import { assignmentsApi } from './y-api';
import { updatesLog } from './y-log';
import { AssignmentStore } from './y-store';

/** Service Y, ready to be mounted on a server. */
export interface YService {
  readonly handle: (req: IncomingMessage, res: ServerResponse) => void;
  readonly head: () => Promise<Position>;
  /** Absent where the log is a broker's. */
  readonly trim?: (() => void) | undefined;
  readonly close: () => Promise<void>;
}

/** Y owns media assignments: `/assignments` is its API, `/snapshot` its current state, `/feed/` its updates topic (or a broker has it). */
export function openY(file: string, broker?: Broker): YService {
  const db = openDatabase(file);
  const log = updatesLog(db, () => openDatabase(file), broker);
  const api = assignmentsApi(new AssignmentStore(db, log.announce), db);
  const snapshot = serveSnapshot(log.snapshots);
  return {
    handle: (req, res) => {
      const path = req.url ?? '/';
      if (path.startsWith('/assignments')) api(req, res).catch((error: unknown) => broken(res, error));
      else if (path.startsWith('/snapshot')) snapshot.node(req, res);
      else if (log.feed !== undefined && path.startsWith('/feed/')) log.feed.node(req, res);
      else res.writeHead(404).end();
    },
    head: log.head,
    trim: log.trim,
    close: async () => {
      await log.close();
      db.close();
    },
  };
}

function broken(res: ServerResponse, error: unknown): void {
  console.error(error);
  if (res.headersSent) res.destroy();
  else res.writeHead(500).end();
}
