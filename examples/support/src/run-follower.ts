import { type Pipeline, type Status, toToken } from '@tidemark/core';
import { explain, letGo, obey, say } from './driver-link';

/** How often progress is told, in milliseconds. */
const everyMs = 50;

/** Runs a pipeline as a process of its own: tells the driver how it goes, stops cleanly when told to. */
export async function runFollower<M>(
  pipeline: Pipeline<M>,
  { rows, close }: { readonly rows: () => number; readonly close: () => void | Promise<void> },
): Promise<void> {
  const reporting = report(pipeline, rows);
  obey(({ order }) => {
    if (order === 'stop') pipeline.stop().catch(fail);
  });
  try {
    await pipeline.run();
    await reporting.end();
  } catch (error) {
    await fail(error);
  } finally {
    reporting.cancel();
    await close();
    letGo();
  }
}

async function fail(error: unknown): Promise<void> {
  process.exitCode = 1;
  await say({ says: 'failed', error: explain(error) });
}

function report<M>(pipeline: Pipeline<M>, rows: () => number) {
  let status: Status = 'idle';
  let updates = 0;
  let told = '';
  const tell = async () => {
    const position = await pipeline.position();
    const progress = { status, updates, rows: rows(), position: position && toToken(position) };
    if (told === (told = JSON.stringify(progress))) return;
    await say({ says: 'progress', ...progress });
  };
  const statuses = pipeline.status$.subscribe((now) => (status = now));
  const events = pipeline.subscribe({
    next: (event) => {
      if (event.type === 'updates') updates += event.messages.length;
      else if (event.type === 'snapshotStart') void say({ says: 'snapshotStart' });
      else if (event.type === 'snapshotEnd') void say({ says: 'snapshotEnd', rows: event.rows });
      else if (event.type === 'mustRefetch') void say({ says: 'mustRefetch', reason: event.reason });
      else if (event.type === 'trouble') void say({ says: 'trouble', error: explain(event.error) });
    },
    error: () => undefined, // `run` tells
  });
  let telling = Promise.resolve();
  const timer = setInterval(() => {
    telling = telling.then(tell).catch(fail);
  }, everyMs);
  const cancel = () => {
    clearInterval(timer);
    statuses.unsubscribe();
    events.unsubscribe();
  };
  const end = async () => {
    cancel();
    await telling.then(tell);
  };
  return { cancel, end };
}
