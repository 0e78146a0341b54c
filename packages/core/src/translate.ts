import { SyncError, TranslateFailed } from './errors';
import { planOf, type Sync, syncOf } from './sync';

/** One message, several (an array), or none (`[]`, `undefined`). */
export type Flat<R> = R extends readonly (infer E)[]
  ? E
  : R extends object | string | number | bigint | boolean | symbol | null
    ? R
    : never;

/**
 * From A's words to B's (the paper's translation component, section 2): one message, several or none for each row and update.
 * Synchronous and without effects: it may be asked again for the same message. What it throws is poison (`onPoison`).
 *
 * @example
 * source.pipe(translate((m) => (m.kind === 'row' ? upsert(toWork(m.value)) : [])), applyTo(replica))
 */
export function translate<In, R>(f: (message: In) => R): (source: Sync<In>) => Sync<Flat<R>> {
  return (source) => {
    const plan = planOf(source);
    return syncOf({ ...plan, steps: [...plan.steps, (message) => called(f, message as In)] });
  };
}

function called<In, R>(f: (message: In) => R, message: In): R {
  try {
    return f(message);
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw new TranslateFailed('translate threw (its error is the cause)', { cause });
  }
}
