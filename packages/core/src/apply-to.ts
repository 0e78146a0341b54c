import { createPipeline, type Pipeline } from './pipeline';
import { type Replica } from './replica';
import { type Poison } from './session';
import { planOf, type Sync } from './sync';

/**
 * The terminal that keeps B's model: rows and position together in the replica, which owns the position. With a transactional
 * replica each update takes effect exactly once, whatever crashes (I2).
 *
 * A record that can't be decoded or translated is poison: `fail` (default) ends the pipeline before it; `skip` leaves it out,
 * loudly; `deadLetter` stores it in the replica, in the same transaction. A snapshot row that can't be always ends the pipeline.
 */
export function applyTo<Change>(
  replica: Replica<Change>,
  options: { readonly onPoison?: Poison | undefined } = {},
): (source: Sync<Change>) => Pipeline<Change> {
  return (source) =>
    createPipeline(planOf(source), { replica, onPoison: options.onPoison ?? 'fail', unwrap: (changes) => changes });
}
