import { fromToken, type Position } from '@tidemark/core';
import { type SourceSays } from '@tidemark-examples/support';
import { Child } from './child';
import { type RunningSource, type World } from './world';

/** The source's process. */
export class Source {
  private readonly child: Child<SourceSays>;
  private onWriting: (updates: number) => void = () => undefined;

  constructor({ source }: World) {
    this.child = new Child('the source', source.file, source.options, (message) => {
      if (message.says === 'writing') this.onWriting(message.updates);
    });
  }

  async running(): Promise<RunningSource> {
    const { port, total } = await this.child.until('listening', (said) => said.find((m) => m.says === 'ready'));
    return {
      url: `http://127.0.0.1:${port}`,
      total,
      replay: async (upTo, onWritten) => {
        this.onWriting = onWritten;
        const before = written(this.child.said).length;
        this.child.order({ order: 'write', upTo });
        const { updates } = await this.child.until('writing', (said) => written(said)[before]);
        onWritten(updates);
        return updates;
      },
    };
  }

  /** Where its log ends now. */
  async head(): Promise<Position> {
    const before = heads(this.child.said).length;
    this.child.order({ order: 'head' });
    return fromToken((await this.child.until('telling its head', (said) => heads(said)[before])).position);
  }

  async trim(): Promise<void> {
    this.child.order({ order: 'trim' });
    await this.child.until('trimming', (said) => said.find((m) => m.says === 'trimmed'));
  }

  stop(): Promise<void> {
    return this.child.stop();
  }

  kill(): Promise<void> {
    return this.child.kill();
  }
}

const written = (said: readonly SourceSays[]) => said.filter((m) => m.says === 'written');

const heads = (said: readonly SourceSays[]) => said.filter((m) => m.says === 'head');
