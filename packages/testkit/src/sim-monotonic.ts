import { compareOffsets, type Position } from '@tidemark/core';
import { type SimLog } from './sim-log';

/** What B has reached so far: it never goes back (I8), except where the log itself has lost what stood there. */
export class Reached {
  private last: Position | undefined;

  constructor(private readonly log: SimLog) {}

  /** Throws where the position went back. */
  advance(position: Position): void {
    const { last } = this;
    this.last = position;
    if (last === undefined || last === position) return;
    for (const { topic, partition, through } of last.offsets) {
      const [was, is] = [last.source.epochs[topic] ?? '', position.source.epochs[topic] ?? ''];
      if (Number(is) < Number(was)) throw new Error(`B went back from ${topic}'s life ${was} to life ${is}`);
      if (is !== was || this.log.hasLost(topic, partition, is)) continue;
      const now = position.offsets.through({ topic, partition });
      if (compareOffsets('decimal', now, through) < 0)
        throw new Error(`B went back from ${through} to ${now} in ${topic}/${partition}`);
    }
  }
}
