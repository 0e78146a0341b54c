import { DatabaseSync } from '@photostructure/sqlite';
import { until } from '../chaos/process';
import { type ServiceB } from './service-b';

/** An instance of B, and the name that those who divide the partitions know it by. */
export interface Member {
  readonly name: string;
  readonly b: ServiceB;
}

/** Instances on one replica file, and what divides the partitions among them. */
export interface Sharing {
  readonly file: string;
  readonly partitions: number;
  another(): Member;
  /** How many partitions each has, by its name. */
  shares(): Promise<ReadonlyMap<string, number>>;
}

/**
 * In each round one of three members is killed, one is frozen and thawed when others have what it had, and one joins. Answers with the
 * three that are left, each with a fair share.
 */
export async function sharingRounds(
  { file, partitions, another, shares }: Sharing,
  started: readonly Member[],
  rounds: number,
): Promise<readonly Member[]> {
  let members = started;
  const shared = async (): Promise<void> => {
    const fair = members.map(({ name }): [string, number] => [name, partitions / members.length]).sort();
    await eventually('all have a fair share', async () => same([...(await shares())].sort(), fair));
  };
  for (let round = 0; round < rounds; round++) {
    await shared();
    const [killed, frozen, left] = members as [Member, Member, Member];
    await freeze(frozen.b, file);
    const revoked = frozen.b.count('revoked');
    await killed.b.kill();
    const joined = another();
    await eventually('others have taken what they had', async () => {
      const now = await shares();
      return !now.has(killed.name) && !now.has(frozen.name) && (now.get(joined.name) ?? 0) > 0;
    });
    frozen.b.signal('SIGCONT');
    await until('the thawed one lets go', () => frozen.b.count('revoked') > revoked);
    members = [frozen, left, joined];
  }
  await shared();
  return members;
}

/** Freezes it, but not while it holds the file's write lock: SQLite lets nobody else write until it goes on. */
async function freeze(b: ServiceB, file: string): Promise<void> {
  const db = new DatabaseSync(file, { timeout: 300 });
  try {
    for (;;) {
      b.signal('SIGSTOP');
      try {
        db.exec('begin immediate; rollback');
        return;
      } catch {
        b.signal('SIGCONT');
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  } finally {
    db.close();
  }
}

/** Watches where the replica stands, as any reader of its file: no partition may ever go back. */
export function watchMarks(file: string) {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  const last = new Map<string, number>();
  const backwards: string[] = [];
  let looks = 0;
  const timer = setInterval(() => {
    looks++;
    const marks = db.prepare('select partition, through from tidemark_mark where owner = ?').all('replica:things');
    for (const { partition, through } of marks as { partition: string; through: string }[]) {
      const at = through === 'beginning' ? -1 : Number(through);
      const before = last.get(partition) ?? -1;
      if (at < before) backwards.push(`${partition}: ${before} -> ${at}`);
      last.set(partition, at);
    }
  }, 10);
  return {
    backwards,
    looks: () => looks,
    stop: () => {
      clearInterval(timer);
      db.close();
    },
  };
}

export const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

export async function eventually(what: string, condition: () => Promise<boolean>, deadlineMs = 30_000): Promise<void> {
  for (const end = Date.now() + deadlineMs; !(await condition());) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
