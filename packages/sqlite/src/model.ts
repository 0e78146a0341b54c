import { type Tombstones } from './tombstones';

/** What a replica does with the changes themselves. Everything is synchronous and runs inside the engine's transactions. */
export interface Model<in Change> {
  /** Once per `take`, before anything else is written: creates what is missing, or throws `InvalidConfiguration`. */
  prepare(): void;
  /** Are there rows already? Asked while no position is stored. */
  holdsRows(): boolean;
  /** The change as it is staged: checked, and fit for `node:v8`. */
  encode(change: Change): unknown;
  apply(change: Change): void;
  /**
   * Makes the rows exactly what was staged (by `encode`), within the scope. `comparable`: the rows before are of the same
   * history, pipeline version and scope.
   */
  replace(staged: Iterable<unknown>, scope: string | undefined, comparable: boolean): void;
  /** Before `replace` under another scope: the rows of the scope before go, where `replace` wouldn't see them. */
  leave?(scope: string | undefined): void;
  /** Where newer versions win. */
  readonly tombstones?: Tombstones | undefined;
}
