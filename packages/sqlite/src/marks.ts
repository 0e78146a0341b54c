import {
  beginning,
  type Mark,
  type Offset,
  type Partition,
  type Position,
  positionFromJson,
  positionToJson,
} from '@tidemark/core';
import { storable } from './identifier';
import { type Statements } from './statements';

/** The marks of one owner, in `tidemark_mark`. A partition without a mark is at its beginning (I4). */
export class Marks {
  constructor(
    private readonly statements: Statements,
    private readonly owner: string,
  ) {}

  get({ topic, partition }: Partition): Mark {
    const row = this.statements.get(
      'select through, witness from tidemark_mark where owner = ? and topic = ? and partition = ?',
      this.owner,
      topic,
      partition,
    ) as StoredMark | undefined;
    return row === undefined ? { through: beginning } : markOf(row);
  }

  set({ topic, partition }: Partition, { through, witness }: Mark): void {
    this.statements.run(
      `insert into tidemark_mark (owner, topic, partition, through, witness) values (?, ?, ?, ?, ?)
       on conflict (owner, topic, partition) do update set through = excluded.through, witness = excluded.witness`,
      this.owner,
      storable(topic, 'a topic name'),
      storable(partition, 'a partition name'),
      storable(through, 'an offset'),
      witness === undefined ? null : storable(witness, 'a witness'),
    );
  }

  /** Replaces all marks; answers with the source, to be stored beside. */
  replace(position: Position): string {
    this.statements.run('delete from tidemark_mark where owner = ?', this.owner);
    for (const entry of position.offsets) this.set(entry, entry);
    return storable(JSON.stringify(positionToJson(position).source), 'a source');
  }

  /** The position: this source and all marks. */
  position(source: string): Position {
    const rows = this.statements.all<StoredMark & Partition>(
      'select topic, partition, through, witness from tidemark_mark where owner = ? order by topic, partition',
      this.owner,
    );
    const partitions = rows.map(({ topic, partition, ...row }) => ({ topic, partition, ...markOf(row) }));
    return positionFromJson({ v: 1, source: JSON.parse(source) as unknown, partitions });
  }
}

interface StoredMark {
  readonly through: string;
  readonly witness: string | null;
}

const markOf = ({ through, witness }: StoredMark): Mark => ({
  through: through as Offset,
  ...(witness === null ? {} : { witness }),
});
