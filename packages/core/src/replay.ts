import { type KeptLetter } from './dead-letter';
import { DeadLetterGone, FencedOut, InvalidConfiguration, Unavailable } from './errors';
import { showPartition } from './partition';
import { type Plan, type Steps } from './plan';
import { ready } from './ready-state';
import { type Amendment, type Replica } from './replica';

/** What becomes of a dead letter. */
export interface ReplayOptions<M> {
  /**
   * Asked with the letter's messages before anything is changed; `false` leaves it where it is. Needed where the replica has no
   * `version`: updates of the same keys that came later may have been applied, and this older state would be written over
   * them. Pause the pipeline first where that could happen between the answer and the write.
   */
  readonly decide?: ((messages: readonly M[]) => boolean | Promise<boolean>) | undefined;
}

/** What a replay uses of its pipeline. */
export interface ReplayParts<Change, M> {
  readonly plan: Plan;
  readonly replica: Replica<Change>;
  readonly steps: Steps<Change>;
  readonly unwrap: (changes: readonly Change[]) => readonly M[];
}

/** The messages that took effect; `undefined`: it was decided against. */
export async function replay<Change, M>(
  parts: ReplayParts<Change, M>,
  id: string,
  { decide }: ReplayOptions<M>,
  signal: AbortSignal,
): Promise<readonly M[] | undefined> {
  const { plan, replica, unwrap } = parts;
  const [letter] = await replica.letters({ id });
  if (letter === undefined) throw gone(plan, id);
  const { term, sequence } = ready(plan, await replica.load());
  if (sequence === undefined && decide === undefined) throw undecided(plan);
  const changes = changesOf(parts, letter);
  const messages = unwrap(changes);
  if (decide !== undefined && !(await decide(messages))) return undefined;
  signal.throwIfAborted();
  await settle(parts, term, { changes, letter: id });
  return messages;
}

/** Removes the letter, without an effect. */
export async function discard<Change>(parts: ReplayParts<Change, unknown>, id: string): Promise<void> {
  const { term } = ready(parts.plan, await parts.replica.load());
  await settle(parts, term, { changes: [], letter: id });
}

/** Decoded and translated as the pipeline does now. Throws `DecodeFailed` or `TranslateFailed`. */
function changesOf<Change>({ plan, steps }: ReplayParts<Change, unknown>, { partition, record }: KeptLetter): Change[] {
  const topic = Object.entries<string>(plan.transport.topics).find(([, name]) => name === partition.topic)?.[0];
  if (topic === undefined)
    throw new InvalidConfiguration(
      `the dead letter of ${showPartition(partition)} at ${record.offset} can't be replayed: pipeline "${plan.name}" doesn't follow that topic any more`,
    );
  return steps.records(topic, partition, [record], (_, error) => {
    throw error;
  });
}

async function settle<Change>(
  { plan, replica }: ReplayParts<Change, unknown>,
  term: number,
  amendment: Amendment<Change> & { readonly letter: string },
): Promise<void> {
  try {
    if ((await replica.amend(term, amendment)) === 'gone') throw gone(plan, amendment.letter);
  } catch (cause) {
    if (!(cause instanceof FencedOut)) throw cause;
    throw new Unavailable(`pipeline "${plan.name}" was bootstrapped meanwhile; its dead letter is still there`, {
      cause,
    });
  }
}

const gone = ({ name }: Plan, id: string): DeadLetterGone =>
  new DeadLetterGone(`pipeline "${name}" keeps no dead letter ${id}: it was dealt with already, or never was`);

const undecided = ({ name }: Plan): InvalidConfiguration =>
  new InvalidConfiguration(
    `pipeline "${name}" has no versions, so a replay may write an old state over a newer one; say with \`decide\` whether it may`,
  );
