import { type HandoffState, isDegraded } from './handoff';

/**
 * Where a pipeline stands, in one word. `recovering`: a new snapshot is needed, or the replica is looked at again. `degraded`: a
 * whole budget of snapshots was asked for in vain; what is lost stands still, intact partitions go on, and A is asked again.
 */
export type Status =
  'idle' | 'bootstrapping' | 'catchingUp' | 'live' | 'recovering' | 'degraded' | 'paused' | 'failed' | 'stopped';

/** The status of this state; `undefined` where it says nothing new (looking and verifying at a start). */
export function statusOf(state: HandoffState, caughtUp: boolean): Status | undefined {
  if (isDegraded(state)) return 'degraded';
  switch (state.at) {
    case 'following':
      return caughtUp ? 'live' : 'catchingUp';
    case 'failed':
    case 'stopped':
      return state.at;
    case 'loading':
    case 'verifying':
      return state.everFollowed ? 'recovering' : undefined;
    case 'waiting':
    case 'opening':
    case 'taking':
    case 'judging':
    case 'staging':
    case 'swapping':
    case 'givingBack':
    case 'resting':
      return state.everFollowed ? 'recovering' : 'bootstrapping';
  }
}
