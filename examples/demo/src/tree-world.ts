import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  aProcess,
  bProcess,
  type ComparedEntry,
  type Input,
  lsTree,
  replicaRows,
  sourceRows,
  toldAgain,
} from '@tidemark-examples/git-tree';
import { type BrokerTopic } from './broker-topic';
import { foldedHistory, listedTree, treeFileOf } from './history-oracle';
import { followerOptions } from './times';
import { type Oracle, type World } from './world';

/** A replays a history, B follows; git (or the file's own fold, and a listing beside it) says what must come out. */
export function treeWorld(dir: string, input: Input, topic: BrokerTopic | undefined): World {
  const [aFile, bFile] = [join(dir, 'a.db'), join(dir, 'b.db')];
  return {
    what: input.from === 'git' ? `the git repository ${input.repo}` : `the history ${input.file}`,
    source: { file: aProcess, options: { input, file: aFile, broker: topic?.broker } },
    follower: { file: bProcess, options: { file: bFile, ...followerOptions(topic) } },
    workload: ({ total, replay }) => ({ total, initial: Math.floor(total / 5), writeTo: replay }),
    sourceRows: () => sourceRows(aFile),
    replicaRows: () => replicaRows(bFile),
    toldAgain: () => toldAgain(bFile),
    exact: topic === undefined,
    trim: topic?.trim,
    key: 'path',
    oracles: oraclesOf(input),
  };
}

const content = (row: object): string => {
  const { mode, blob } = row as ComparedEntry;
  return `${mode} ${blob}`;
};

function oraclesOf(input: Input): Oracle[] {
  if (input.from === 'git')
    return [{ name: 'git ls-tree -r', expected: () => lsTree(input.repo, input.commit), content }];
  const { file } = input;
  const listing = treeFileOf(file);
  return [
    { name: 'the fold of its lines', expected: () => foldedHistory(file), content },
    ...(listing !== undefined && existsSync(listing)
      ? [{ name: listing, expected: async () => listedTree(listing), content }]
      : []),
  ];
}
