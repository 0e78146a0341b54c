import { type Message } from '@tidemark/core';
import { type Published, type SimulatedA } from '@tidemark/testkit';
import * as t from 'io-ts';

/**
 * What the simulated A keeps: accounts, to which amounts are added. An effect that happens twice, never or out of order shows:
 * sums and counts aren't idempotent, and `chain` depends on the order.
 */
export const Account = t.type({ key: t.string, sum: t.number, count: t.number, chain: t.number });
export type Account = t.TypeOf<typeof Account>;

export const decode = { deposits: { row: Account, update: t.type({ key: t.string, amount: t.number }) } };

/** What is done to B's accounts: a whole one is set, or an amount is added. `factor` is what a version makes of amounts. */
export type AccountChange =
  | { readonly key: string; readonly account: Account }
  | { readonly key: string; readonly amount: number; readonly factor: number };

export const factorOf = (version: string | undefined): number => (version === '2' ? 10 : 1);

export const toChange = (version: string): ((m: Message<typeof decode>) => AccountChange) => {
  const factor = factorOf(version);
  return ({ kind, value }) =>
    kind === 'row'
      ? { key: value.key, account: { ...value, sum: value.sum * factor } }
      : { key: value.key, amount: value.amount, factor };
};

export const noAccount = (key: string): Account => ({ key, sum: 0, count: 0, chain: 0 });

export const changed = (account: Account, change: AccountChange): Account =>
  'account' in change
    ? change.account
    : {
        key: account.key,
        sum: account.sum + change.amount * change.factor,
        count: account.count + 1,
        chain: (account.chain * 31 + change.amount) % 1_000_003,
      };

/** The accounts that follow from what A has published, as a version of the pipeline keeps them. */
export function accountsOf(published: readonly Published[], factor = 1): ReadonlyMap<string, Account> {
  const accounts = new Map<string, Account>();
  for (const one of published) {
    const { key } = one;
    accounts.set(key, changed(accounts.get(key) ?? noAccount(key), { key, amount: amountOf(one), factor }));
  }
  return accounts;
}

const amounts = new WeakMap<Published, number>();

/** What a deposit adds; read once, as it is asked for at each look. */
function amountOf(published: Published): number {
  let amount = amounts.get(published);
  if (amount === undefined) {
    ({ amount } = JSON.parse(published.value ?? '{}') as { readonly amount: number });
    amounts.set(published, amount);
  }
  return amount;
}

/** A's program: a few deposits, a pause, and so on. */
export async function deposit({ log, runtime, random }: SimulatedA<'deposits'>): Promise<void> {
  const never = new AbortController().signal;
  const total = 4 + Math.floor(random() * 24);
  for (let written = 0; written < total;) {
    const some = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
      const key = `k${Math.floor(random() * 6)}`;
      return { key, value: JSON.stringify({ key, amount: ++written * 7 }) };
    });
    await log.publish('deposits', some);
    await runtime.sleep(random() * random() * 2_500, never);
  }
}

/** Throws where they aren't the same; with `inOrder` they must have come about in the same order, too. */
export function sameAccounts(
  actual: ReadonlyMap<string, Account>,
  expected: ReadonlyMap<string, Account>,
  inOrder: boolean,
): void {
  for (const key of new Set([...actual.keys(), ...expected.keys()])) {
    const [is, should] = [shown(actual.get(key), inOrder), shown(expected.get(key), inOrder)];
    if (is !== should) throw new Error(`account ${key} is ${is}; it should be ${should}`);
  }
}

const shown = (account: Account | undefined, inOrder: boolean): string =>
  account === undefined
    ? 'not there'
    : `${account.count} deposits, ${account.sum}${inOrder ? `, chain ${account.chain}` : ''}`;
