/** A run of `simulate` ended wrongly. The text holds the seed, what is wrong, and what happened last. */
export class SimulationFailed extends Error {
  override readonly name = 'SimulationFailed';
  constructor(
    /** Run it again with `firstSeed` of this and one seed: the very same happens. */
    readonly seed: number,
    /** What is wrong, in one line. */
    readonly what: string,
    /** What happened last, one line each. */
    readonly trace: readonly string[],
    options?: { readonly cause?: unknown },
  ) {
    super(`seed ${seed}: ${what}\n${trace.join('\n')}`, options);
  }
}
