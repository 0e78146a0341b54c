import { type KeptLetter, type Replica, ReplicaBoundElsewhere } from '@tidemark/core';

/** A replica that says that it is shared, and so keeps dead letters and a pause; in this process all the same. */
export function keeping<C>(inner: Replica<C>): Replica<C> {
  const kept: KeptLetter[] = [];
  let given = 0;
  let paused: string | undefined;
  return {
    shared: true,
    load: async () => ({ ...(await inner.load()), ...(paused === undefined ? {} : { paused: true }) }),
    take: (seen, into) => inner.take(seen, into),
    apply: async (term, batches) => {
      const answers = await inner.apply(term, batches);
      for (const [i, { partition, rejected }] of batches.entries())
        for (const { record, error } of answers[i] === 'applied' ? rejected : [])
          kept.push({ id: `letter-${++given}`, partition, record, code: error.code, message: error.message });
      return answers;
    },
    amend: async (term, { letter, ...rest }) => {
      const at = kept.findIndex(({ id }) => id === letter);
      if (letter === undefined || at < 0) return inner.amend(term, { letter, ...rest });
      const taken = kept.splice(at, 1);
      const answer = await inner.amend(term, rest).catch((error: unknown) => {
        kept.splice(at, 0, ...taken);
        throw error;
      });
      if (answer !== 'amended') kept.splice(at, 0, ...taken);
      return answer;
    },
    letters: async (which) => ('id' in which ? kept.filter(({ id }) => id === which.id) : kept.slice(0, which.limit)),
    pause: async (pipeline, on) => {
      const bound = (await inner.load()).pipeline ?? paused ?? pipeline;
      if (bound !== pipeline) throw new ReplicaBoundElsewhere(`it belongs to ${bound}`);
      paused = on ? pipeline : undefined;
    },
  };
}
