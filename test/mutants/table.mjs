/**
 * The mutants and what has caught them, in Markdown.
 *
 * @param {readonly import('./mutant.mjs').Mutant[]} mutants
 * @param {readonly import('./try-mutants.mjs').Outcome[]} outcomes
 */
export function table(mutants, outcomes) {
  const rows = mutants.map((mutant) => {
    const caught = outcomes.find((outcome) => outcome.mutant === mutant)?.missing.length === 0;
    const titles = Object.values(mutant.caughtBy).flat().map(cell).join('<br>');
    return `| ${mutant.name} | ${cell(mutant.what)} | ${caught ? titles : '**nothing**'} |`;
  });
  return ['| mutant | what is wrong | caught by |', '| --- | --- | --- |', ...rows].join('\n');
}

const cell = (/** @type {string} */ text) => text.replaceAll('|', '\\|');
