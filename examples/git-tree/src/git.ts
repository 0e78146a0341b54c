import { spawn } from 'node:child_process';

/** `git` failed: what it was asked and what it said. */
export class GitFailed extends Error {
  override readonly name = 'GitFailed';
}

/** The NUL-terminated pieces of what a git command prints, as they come. Leaving early ends the command. */
export async function* gitPieces(repo: string, args: readonly string[]): AsyncGenerator<Buffer, void, undefined> {
  // replaced objects and the user's own settings would show another history than the one that is stored
  const child = spawn('git', ['-C', repo, '--no-replace-objects', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  exited.catch(() => undefined);
  try {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let from = 0;
      for (let nul = bytes.indexOf(0); nul !== -1; nul = bytes.indexOf(0, from)) {
        yield bytes.subarray(from, nul);
        from = nul + 1;
      }
      rest = bytes.subarray(from);
    }
    if (rest.length > 0) yield rest;
    if ((await exited) !== 0) throw new GitFailed(`git ${args[0] ?? ''} in ${repo}: ${said.trim()}`);
  } finally {
    child.kill();
  }
}

/** The id of the commit that HEAD is at. */
export async function headCommit(repo: string): Promise<string> {
  for await (const line of gitPieces(repo, ['rev-parse', '--verify', '--end-of-options', 'HEAD^{commit}']))
    return line.toString('latin1').trim();
  throw new GitFailed(`git rev-parse in ${repo}: HEAD is nothing`);
}
