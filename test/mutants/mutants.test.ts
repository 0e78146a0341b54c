import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What `main.mjs --json` tells of a mutant. */
interface Outcome {
  readonly name: string;
  readonly failed: readonly string[];
  readonly missing: readonly string[];
  readonly problem?: string | undefined;
}

/** And of all of them, at the end. */
interface Result {
  readonly failing: readonly string[];
  readonly table: string;
}

const main = join(__dirname, 'main.mjs');
const names = execFileSync(process.execPath, [main, '--names'], { encoding: 'utf8' }).trim().split('\n');

/** The lines of one run, each to be had as soon as it is told. */
class Run {
  private readonly told = new Map<string, Outcome>();
  private result: Result | undefined;
  private over = false;
  private wake: (() => void)[] = [];
  private readonly child = spawn(process.execPath, [main, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });

  constructor() {
    const lines = createInterface(this.child.stdout);
    lines.on('line', (line) => {
      const one = JSON.parse(line) as Outcome | Result;
      if ('name' in one) this.told.set(one.name, one);
      else this.result = one;
      this.wakeAll();
    });
    lines.on('close', () => {
      this.over = true;
      this.wakeAll();
    });
  }

  outcome(name: string): Promise<Outcome> {
    return this.when(() => this.told.get(name));
  }

  end(): Promise<Result> {
    return this.when(() => this.result);
  }

  stop(): void {
    this.child.kill();
  }

  private async when<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.over) throw new Error('the mutants ended before this one was tried');
      await new Promise<void>((wake) => this.wake.push(wake));
    }
  }

  private wakeAll(): void {
    for (const wake of this.wake.splice(0)) wake();
  }
}

let run: Run;
beforeAll(() => {
  run = new Run();
});
afterAll(() => {
  run.stop();
});

it.each(names)('%s is caught', async (name) => {
  const { problem, missing } = await run.outcome(name);
  expect(problem).toBeUndefined();
  expect(missing).toEqual([]);
});

it('each invariant has one that a test with its number catches', async () => {
  const outcomes = await Promise.all(names.map((name) => run.outcome(name)));
  for (let i = 1; i <= 11; i++) {
    const mine = outcomes.filter(({ name }) => name.startsWith(`I${i}-`));
    expect(mine.flatMap(({ failed }) => failed).join('\n')).toMatch(new RegExp(`\\bI${i}\\b`));
  }
});

it('without them the same tests pass', async () => {
  expect((await run.end()).failing).toEqual([]);
});

it('docs/proof/mutants.md has their table', async () => {
  const page = readFileSync(join(__dirname, '../../docs/proof/mutants.md'), 'utf8');
  expect(page).toContain((await run.end()).table);
});
