import { type Kind } from './scenarios';

/** Seeds that have found something. What each stands for has a test of its own in core; they are here so that it stays found. */
export const regressions: readonly { readonly seed: number; readonly kind: Kind; readonly found: string }[] = [
  { seed: 137, kind: 'memory', found: 'a revoked partition keeps a pipeline from being caught up' },
  { seed: 144, kind: 'memory', found: 'a new version asks for a snapshot that covers a topic which is gone' },
  { seed: 186, kind: 'memory', found: 'who takes over from a dead bootstrapper asks for the same' },
  { seed: 191714, kind: 'memory', found: 'an instance that was paused writes what the log has lost since' },
];
