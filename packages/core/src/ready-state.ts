import { Unavailable } from './errors';
import { boundElsewhere } from './handoff-errors';
import { type Plan } from './plan';
import { type Stored } from './replica';

/**
 * The replica as it must stand for changes beside the stream: synchronised, and by this definition of the pipeline. Throws
 * `Unavailable` where it isn't (yet), and `ReplicaBoundElsewhere`.
 */
export function ready(plan: Plan, stored: Stored): Stored & { readonly state: 'ready' } {
  if (stored.pipeline !== undefined && stored.pipeline !== plan.name) throw boundElsewhere(stored.pipeline, plan.name);
  if (stored.state === 'ready' && definedAlike(plan, stored)) return stored;
  throw new Unavailable(
    `the replica of pipeline "${plan.name}" ${whyNot(stored)}; nothing can be changed beside the stream meanwhile`,
  );
}

/** Position stores tell no definition. */
const definedAlike = (plan: Plan, { pipeline, version, scope }: Stored): boolean =>
  pipeline === undefined || (version === plan.version && scope === plan.scope);

function whyNot({ state }: Stored): string {
  if (state === 'ready') return 'holds rows of another version or scope of it';
  return state === 'bootstrapping' ? 'is being bootstrapped' : 'was never synchronised';
}
