/** The text of TLC's configuration for one run. */

const symmetric = ({ module, check }) => module === 'handoff' && !check.includes('NoDeadEnd'); // not sound for liveness
/** They speak of steps, or of a whole behaviour. */
const properties = new Set(['I8_NeverBack', 'NoDeadEnd']);
const value = (constant) => (typeof constant === 'boolean' ? String(constant).toUpperCase() : String(constant));

export const configOf = ({ module, constants, check }) =>
  [
    `SPECIFICATION ${check.includes('NoDeadEnd') ? 'FairSpec' : 'Spec'}`,
    'CONSTANTS',
    ...Object.entries(constants).map(([name, constant]) => `  ${name} = ${value(constant)}`),
    ...(symmetric({ module, check }) ? ['SYMMETRY Symmetry'] : []),
    ...check.map((name) => `${properties.has(name) ? 'PROPERTY' : 'INVARIANT'} ${name}`),
    '',
  ].join('\n');
