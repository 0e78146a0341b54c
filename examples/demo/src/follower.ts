import { covers, fromToken, type Position } from '@tidemark/core';
import { type FollowerSays } from '@tidemark-examples/support';
import { Child } from './child';
import { type World } from './world';

type Progress = Extract<FollowerSays, { says: 'progress' }>;

/** One life of the follower: from a start of its process to its end. */
export class Follower {
  private readonly child: Child<FollowerSays>;

  constructor({ follower }: World, url: string, onSaid: () => void) {
    this.child = new Child('the follower', follower.file, { ...follower.options, url }, onSaid);
  }

  get progress(): Progress | undefined {
    return lastProgress(this.child.said);
  }

  /** Why it needed new snapshots. */
  get refetches(): string[] {
    return this.child.said.flatMap((m) => (m.says === 'mustRefetch' ? [m.reason] : []));
  }

  /** How many snapshots it has begun, and taken over. */
  get snapshots(): { readonly begun: number; readonly taken: number } {
    const count = (says: FollowerSays['says']) => this.child.said.filter((m) => m.says === says).length;
    return { begun: count('snapshotStart'), taken: count('snapshotEnd') };
  }

  /** It has begun a snapshot. */
  async inSnapshot(): Promise<void> {
    await this.child.until('beginning a snapshot', (said) => said.find((m) => m.says === 'snapshotStart'));
  }

  /** It follows the log. */
  async following(): Promise<void> {
    await this.child.until('following', (said) => {
      const status = lastProgress(said)?.status;
      return status === 'catchingUp' || status === 'live' ? status : undefined;
    });
  }

  /** It has applied something in this life. */
  async applied(): Promise<void> {
    await this.child.until('applying', (said) => ((lastProgress(said)?.updates ?? 0) > 0 ? true : undefined));
  }

  /** It has come to this position. */
  async reached(position: Position): Promise<Progress> {
    return this.child.until('catching up', (said) => {
      const progress = lastProgress(said);
      const at = progress?.position;
      return at !== undefined && progress?.status === 'live' && covers(fromToken(at), position) ? progress : undefined;
    });
  }

  stop(): Promise<void> {
    return this.child.stop();
  }

  kill(): Promise<void> {
    return this.child.kill();
  }
}

const lastProgress = (said: readonly FollowerSays[]): Progress | undefined =>
  said.findLast((m) => m.says === 'progress');
