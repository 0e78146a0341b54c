import { type SqliteDatabase } from '@tidemark/sqlite';

/** How often a commit of a writing transaction goes wrong. */
const chance = 0.03;

/**
 * A database whose commits fail now and then, as on a full disk or one that breaks: the transaction is still open, is gone without
 * having had an effect, or was committed all the same. What writes in two transactions is caught between them.
 */
export function faultyDatabase(db: SqliteDatabase, random: () => number): SqliteDatabase {
  let writes = false;
  return {
    get isTransaction() {
      return db.isTransaction;
    },
    prepare: (sql) => db.prepare(sql),
    close: () => {
      db.close();
    },
    exec: (sql) => {
      if (sql.startsWith('begin')) writes = sql.includes('immediate');
      if (!writes || !sql.startsWith('commit') || random() >= chance) {
        db.exec(sql);
        return;
      }
      const outcome = Math.floor(random() * 3);
      if (outcome > 0) db.exec(outcome === 1 ? 'rollback' : 'commit');
      throw new Error('disk I/O error');
    },
  };
}
