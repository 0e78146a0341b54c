import { InvalidConfiguration } from './errors';
import { createPipeline, type Pipeline } from './pipeline';
import { type Replica } from './replica';
import { type Poison } from './terminal';
import { planOf, type Sync } from './sync';

/**
 * The terminal that keeps B's model: rows and position together in the replica, which owns the position. With a transactional
 * replica each update takes effect exactly once, whatever crashes (I2).
 *
 * A record that can't be decoded or translated is poison: `fail` (default) ends the pipeline before it; `skip` leaves it out,
 * loudly; `deadLetter` stores it in the replica, in the same transaction, for `replay`. A snapshot row that can't be always ends
 * the pipeline. Throws `InvalidConfiguration` for `deadLetter` into a replica of this process, which can't keep any.
 */
export function applyTo<Change>(
  replica: Replica<Change>,
  { onPoison = 'fail' }: { readonly onPoison?: Poison | undefined } = {},
): (source: Sync<Change>) => Pipeline<Change> {
  if (onPoison === 'deadLetter' && !replica.shared)
    throw new InvalidConfiguration(
      "applyTo: onPoison 'deadLetter' needs a replica that outlives this process, or the letters would be lost with it; use one, or 'skip'",
    );
  return (source) => createPipeline(planOf(source), { replica, onPoison, unwrap: (changes) => changes });
}
