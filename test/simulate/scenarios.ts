import { DatabaseSync } from '@photostructure/sqlite';
import { applyTo, type Replica, type Runtime, snapshotThenSubscribe, translate } from '@tidemark/core';
import { sqliteReplica } from '@tidemark/sqlite';
import { everyFault, type Published, type SimulatedInstance, type SimulateOptions } from '@tidemark/testkit';
import {
  type Account,
  type AccountChange,
  accountsOf,
  changed,
  decode,
  deposit,
  factorOf,
  noAccount,
  sameAccounts,
  toChange,
} from './accounts';
import { DurableReplica } from './durable-replica';
import { faultyDatabase } from './faulty-database';

type Accounts = ReadonlyMap<string, Account>;

/** Where B's accounts are: what outlives its processes, and how each of them opens it. */
export interface Store {
  readonly open: (runtime: Runtime) => Replica<AccountChange>;
  readonly accounts: () => Accounts;
}

export type Kind = 'memory' | 'sqlite';

/** In memory; `Kept` is the class of the replica. */
export function memoryStore(Kept: typeof DurableReplica<AccountChange> = DurableReplica): Store {
  const accounts = new Map<string, Account>();
  const replica = new Kept({
    clear: () => {
      accounts.clear();
    },
    apply: (change) => {
      accounts.set(change.key, changed(accounts.get(change.key) ?? noAccount(change.key), change));
    },
  });
  return { open: () => replica, accounts: () => new Map(accounts) };
}

export const stores: { readonly [K in Kind]: () => Store } = {
  memory: () => memoryStore(),
  sqlite: () => {
    const db = new DatabaseSync(':memory:');
    db.exec('create table account (key text primary key, sum integer, count integer, chain integer) without rowid');
    const set = db.prepare('insert or replace into account values (?, ?, ?, ?)');
    const get = db.prepare('select * from account where key = ?');
    const all = db.prepare('select * from account');
    const open = ({ random }: Runtime) =>
      sqliteReplica<AccountChange>(faultyDatabase(db, random), {
        name: 'accounts',
        clear: () => {
          db.exec('delete from account');
        },
        apply: (_, change) => {
          const before = get.get(change.key) as Account | undefined;
          const { key, sum, count, chain } = changed(before ?? noAccount(change.key), change);
          set.run(key, sum, count, chain);
        },
      });
    const accounts = () => new Map((all.all() as Account[]).map((account) => [account.key, { ...account }]));
    return { open, accounts };
  },
};

export type AccountScenario = Omit<SimulateOptions<'deposits', Accounts>, 'seeds' | 'firstSeed' | 'onRun'>;

/** What wraps a process, to plant a fault in it. */
export type Wrap = (instance: SimulatedInstance<'deposits'>) => SimulatedInstance<'deposits'>;

const sumOf = (accounts: Accounts): number => [...accounts.values()].reduce((sum, account) => sum + account.sum, 0);

/** Of which version they seem to be. */
const likely = (accounts: Accounts, published: readonly Published[]): number =>
  sumOf(accounts) === sumOf(accountsOf(published)) ? 1 : factorOf('2');

/** One world for each seed: how many partitions, whether a key's records stay in one of them. */
export function accountScenario(
  seed: number,
  makeStore: () => Store,
  wrap: Wrap = (instance) => instance,
): AccountScenario {
  const scattered = seed % 3 === 0;
  return {
    topics: { deposits: { partitions: 1 + (seed % 4) } },
    rows: { deposits: (published) => [...accountsOf(published).values()] },
    write: deposit,
    faults: everyFault.filter((fault) => scattered || fault !== 'scatter'),
    start: (plain) => {
      const instance = wrap(plain);
      const { snapshot, log, runtime, times, version } = instance;
      const store = instance.durable('store', makeStore);
      const pipeline = snapshotThenSubscribe({
        name: 'accounts',
        version,
        snapshot,
        transport: log,
        runtime,
        times,
        decode,
      }).pipe(translate(toChange(version)), applyTo(instance.replica(store.open(runtime))));
      return { pipeline, state: store.accounts };
    },
    always: (accounts, published, { state, version }) => {
      // while a bootstrap goes on the rows are still those from before it, of whichever version that was
      const factor = state === 'bootstrapping' ? likely(accounts, published) : factorOf(version);
      sameAccounts(accounts, accountsOf(published, factor), !scattered);
    },
    expect: (accounts, published) => {
      const factor = likely(accounts, published);
      sameAccounts(accounts, accountsOf(published, factor), !scattered);
    },
  };
}
