import { type Subscriber } from 'rxjs';
import { InProcessReplica } from './in-process';
import { type Plan } from './plan';
import { Session } from './session';
import { type SyncEvent } from './sync-event';

/**
 * The road of plain RxJS operators: a session whose replica keeps nothing but the position, for as long as the subscription
 * lasts. An event is acknowledged when `next` returns.
 */
export function observe(plan: Plan, subscriber: Subscriber<SyncEvent<unknown>>): () => void {
  const replica = new InProcessReplica<unknown>({
    stage: () => undefined,
    discard: () => undefined,
    swap: () => undefined,
    apply: () => undefined,
  });
  const emit = (event: SyncEvent<unknown>) => {
    subscriber.next(event);
    return undefined;
  };
  const session = new Session(plan, { replica, onPoison: 'fail', unwrap: (changes) => changes }, emit, () => undefined);
  session.run().then(
    () => {
      subscriber.complete();
    },
    (error: unknown) => {
      subscriber.error(error);
    },
  );
  return () => {
    session.stop();
  };
}
