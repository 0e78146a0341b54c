import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { headCommit } from '@tidemark-examples/git-tree';
import { explain } from '@tidemark-examples/support';
import { type LentTopic, lentTopic } from './lent-topic';
import { mediaWorld } from './media-world';
import { type DemoOptions, parseOptions, usage, UsageError } from './options';
import { showPosition } from './positions';
import { Progress } from './progress';
import { seededRandom } from './random';
import { Run } from './run';
import { treeWorld } from './tree-world';
import { verify } from './verify';
import { type World } from './world';

/** Differences that are shown, at most. */
const maxShown = 10;

/** What the options name, once the log is known. */
async function worldOf(options: DemoOptions): Promise<(dir: string, topic: LentTopic | undefined) => World> {
  switch (options.input) {
    case 'media':
      return (dir, topic) => mediaWorld(dir, options, topic);
    case 'git': {
      const repo = resolve(options.repo);
      const commit = await headCommit(repo);
      return (dir, topic) => treeWorld(dir, { from: 'git', repo, commit }, topic);
    }
    case 'history': {
      const file = resolve(options.file ?? '');
      if (!existsSync(file)) throw new UsageError(`there is no file ${file}`);
      return (dir, topic) => treeWorld(dir, { from: 'file', file }, topic);
    }
  }
}

/** Answers with the exit code: 0 only if every row is as it must be. */
async function demo(options: DemoOptions): Promise<number> {
  const progress = new Progress(process.stdout);
  const dir = mkdtempSync(join(tmpdir(), 'tidemark-demo-'));
  let run: Run | undefined;
  let topic: Promise<LentTopic> | undefined;
  const cleanUp = async () => {
    progress.clear();
    await run?.abandon();
    const lent = topic?.catch(() => undefined);
    topic = undefined;
    await (await lent)?.giveBack();
  };
  const interrupted = (signal: NodeJS.Signals) => {
    void cleanUp().finally(() => {
      rmSync(dir, { recursive: true, force: true });
      console.error(`${signal}: everything that was started is ended, and the temporary directory is gone`);
      process.exit(signal === 'SIGINT' ? 130 : 143);
    });
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const make = await worldOf(options);
    if (options.broker !== 'embedded') topic = lentTopic(options.broker);
    const lent = await topic;
    if (lent !== undefined) progress.tell(`${options.broker} at ${lent.broker.address} (${lent.from})`);
    const world = make(dir, lent);
    run = new Run(world, { kills: options.kills, random: seededRandom(options.seed) }, progress);
    const { updates, restarts, position } = await run.play();
    progress.clear();
    const { rows, different } = await verify(world, options.dump);
    if (different.length > 0) {
      console.error(different.slice(0, maxShown).join('\n'));
      throw new Error(`the replica differs in ${different.length} places (the first ${maxShown} at most are above)`);
    }
    await cleanUp();
    rmSync(dir, { recursive: true });
    const counts = `${rows} rows, ${updates} updates, ${restarts} restarts`;
    console.log(`verified: replica equals source, ${counts}, position ${showPosition(position)}`);
    return 0;
  } catch (error) {
    await cleanUp();
    console.error(`FAILED: ${explain(error)}`);
    if (run === undefined) rmSync(dir, { recursive: true });
    else console.error(`both databases are kept in ${dir}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function main(): Promise<number> {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options === 'help') {
      console.log(usage);
      return 0;
    }
    return await demo(options);
  } catch (error) {
    console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : explain(error));
    return error instanceof UsageError ? 2 : 1;
  }
}

void main().then((code) => {
  process.exitCode = code;
});
