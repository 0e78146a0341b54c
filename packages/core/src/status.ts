import { type HandoffState } from './handoff';

/** Where a pipeline stands, in one word. */
export type Status = 'idle' | 'bootstrapping' | 'catchingUp' | 'live' | 'recovering' | 'paused' | 'failed' | 'stopped';

/** The status of this state; `undefined` where it says nothing new (looking and verifying at a start). */
export function statusOf(state: HandoffState, caughtUp: boolean): Status | undefined {
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
