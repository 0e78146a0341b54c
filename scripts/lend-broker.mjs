/** A real broker for a script: the one that the environment names, or one that ends with the script. */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Failed, root } from './support.mjs';

const file = join(root, 'test', 'dist', 'brokers', 'lend-process.js');

/** `{ address, giveBack }`, or `{ missing }`: why there is none. With CI=true there has to be one. Needs a build. */
export async function lendBroker(name) {
  const chosen = process.env.TIDEMARK_BROKERS;
  if (chosen !== undefined && !chosen.split(',').some((one) => one.trim() === name))
    return { missing: `left out by TIDEMARK_BROKERS=${chosen}` };
  if (!existsSync(file)) throw new Failed(`there is no ${file}: npm run build`);
  const child = fork(file, [name], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const answer = await new Promise((resolve) => {
    child.once('message', resolve);
    void ended.then((code) => resolve({ says: 'failed', unavailable: false, error: `it ended with ${code}` }));
  });
  if (answer.says === 'lent') {
    const giveBack = async () => {
      if (child.connected) child.disconnect();
      await ended;
    };
    return { address: answer.address, giveBack };
  }
  if (!answer.unavailable || process.env.CI === 'true') throw new Failed(`${name}: ${answer.error}`);
  return { missing: answer.error };
}
