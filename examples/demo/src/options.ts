import { parseArgs } from 'node:util';

/** What the demo was asked to do. */
export interface DemoOptions {
  readonly input: 'media' | 'git' | 'history';
  /** `embedded`: A's own log, in SQLite. */
  readonly broker: 'embedded' | 'kafka' | 'nats';
  readonly repo: string;
  readonly file: string | undefined;
  /** Where both sides are written to, as sorted NDJSON. */
  readonly dump: string | undefined;
  readonly seed: number;
  /** Rows to begin with (media). */
  readonly size: number;
  /** Crashes, besides the one during which the log is trimmed. */
  readonly kills: number;
}

/** The command can't be obeyed as given. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage = `usage: npm run demo [-- options]

  --input media|git|history  what is replicated (default: media)
  --repo PATH                the repository, for --input git (default: .)
  --file FILE                the history, for --input history: NDJSON, or NDJSON.gz
  --dump DIR                 write source.ndjson and replica.ndjson there
  --seed N                   the workload and the moments of the crashes (default: 1)
  --size N                   rows, for --input media; ten updates each (default: 2000)
  --kills N                  crashes, besides the one during which the log is trimmed (default: 1)
  --broker embedded|kafka|nats
                             the log: A's own, over HTTP (default), or a real broker's, started if there is none
  --replica sqlite           the replica (default, and the only one yet)
  --help`;

const options = {
  input: { type: 'string' },
  repo: { type: 'string' },
  file: { type: 'string' },
  dump: { type: 'string' },
  seed: { type: 'string' },
  size: { type: 'string' },
  kills: { type: 'string' },
  broker: { type: 'string' },
  replica: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** Throws {@link UsageError}; `help` when that was asked for. */
export function parseOptions(args: readonly string[]): DemoOptions | 'help' {
  const given = parsed(args);
  if (given.help === true) return 'help';
  const broker = oneOf('broker', given.broker ?? 'embedded', ['embedded', 'kafka', 'nats']);
  oneOf('replica', given.replica ?? 'sqlite', ['sqlite']);
  const input = oneOf('input', given.input ?? 'media', ['media', 'git', 'history']);
  const only = (flag: 'repo' | 'file' | 'size', of: DemoOptions['input']) => {
    if (given[flag] !== undefined && input !== of)
      throw new UsageError(`--${flag} belongs to --input ${of}, and the input is ${input}`);
  };
  only('repo', 'git');
  only('file', 'history');
  only('size', 'media');
  if (input === 'history' && given.file === undefined) throw new UsageError('--input history needs --file FILE');
  return {
    input,
    broker,
    repo: given.repo ?? '.',
    file: given.file,
    dump: given.dump,
    seed: whole('seed', given.seed, { least: 0, otherwise: 1 }),
    size: whole('size', given.size, { least: 1, otherwise: 2000 }),
    kills: whole('kills', given.kills, { least: 0, otherwise: 1 }),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function oneOf<const T extends string>(flag: string, value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw new UsageError(`--${flag} is ${known.join(', ')}; it was ${value}`);
  return found;
}

function whole(flag: string, text: string | undefined, { least, otherwise }: { least: number; otherwise: number }) {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${flag} is a whole number, ${least} or more; it was ${text}`);
  return value;
}
