import { DatabaseSync } from '@photostructure/sqlite';
import { existsSync } from 'node:fs';
import { type Database } from './things';

/** Looks at the replica all the time, as any reader of its file: it may never go back, and nothing may come out of order. */
export class ReplicaWatch {
  readonly breaches: string[] = [];
  looks = 0;
  private db: Database | undefined;
  private updates = 0;
  private disorder = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly file: string) {
    this.timer = setInterval(() => {
      this.look();
    }, 25);
  }

  /** The file will be removed: the next one begins anew. */
  forget(): void {
    this.db?.close();
    this.db = undefined;
    this.updates = 0;
    this.disorder = 0;
  }

  stop(): void {
    clearInterval(this.timer);
    this.forget();
  }

  private look(): void {
    if (!existsSync(this.file)) return;
    try {
      this.db ??= new DatabaseSync(this.file, { readOnly: true });
      const sql = 'select coalesce(sum(updates), 0) as updates, coalesce(sum(disorder), 0) as disorder from thing';
      const { updates, disorder } = this.db.prepare(sql).get() as { updates: number; disorder: number };
      this.looks++;
      if (updates < this.updates)
        this.breaches.push(`the replica went back from ${this.updates} updates to ${updates}`);
      if (disorder > this.disorder) this.breaches.push(`${disorder} updates weren't the next of their thing`);
      [this.updates, this.disorder] = [updates, disorder];
    } catch {
      // it has no table yet, or is locked just now: the next look will tell
      this.db?.close();
      this.db = undefined;
    }
  }
}
