import { type Assignment } from './assignment';

/** What reading needs of a database: any connection will do. */
export interface Reader {
  prepare(sql: string): { iterate(...values: string[]): Iterable<unknown> };
}

/** Y's current state, all of it or that of one media. */
export function* assignments(reader: Reader, media: string | null): Generator<Assignment, void, undefined> {
  // the statement is held while it is iterated
  const statement =
    media === null
      ? reader.prepare('select * from assignment order by id')
      : reader.prepare('select * from assignment where media = ? order by id');
  yield* statement.iterate(...(media === null ? [] : [media])) as Iterable<Assignment>;
}
