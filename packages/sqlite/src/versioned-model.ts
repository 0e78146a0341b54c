import { InvalidConfiguration, type Version } from '@tidemark/core';
import { bound } from './column';
import { type SqliteValue } from './database';
import { type Model } from './model';
import { type Newest } from './newest';
import { tombstoneKey, type Tombstones } from './tombstones';

/** Which state of which key a message is. */
export interface MessageVersion {
  readonly key: string | number | bigint;
  readonly version: Version;
  /** The message is a deletion. */
  readonly removed?: boolean | undefined;
}

/**
 * The model, to which messages older than what is known of their key don't come (I3). As everywhere: at the same version a
 * removal wins over an upsert, and of two upserts the later to come is kept.
 */
export function versionedModel<M>(
  model: Model<M>,
  version: (message: M) => MessageVersion | undefined,
  newest: Newest,
  tombstones: Tombstones,
  doing: string,
): Model<M> {
  /** `undefined`: it belongs to no key. */
  const stateOf = (message: M): readonly [SqliteValue, SqliteValue, boolean] | undefined => {
    const state = version(message);
    if (state === undefined) return undefined;
    const [key, at] = [bound('any', state.key), bound('integer', state.version)];
    if (key === null || key === undefined || at === null || at === undefined)
      throw new InvalidConfiguration(
        `${doing}: \`version\` answered with a key or a version that it isn't (a whole number of 64 bits)`,
      );
    return [tombstoneKey(key), at, state.removed === true];
  };
  const isNews = (message: M): boolean => {
    const state = stateOf(message);
    if (state === undefined) return true;
    const [key, at, removed] = state;
    return removed ? newest.dies(key, at) : newest.lives(key, at);
  };
  return {
    ...model,
    tombstones,
    prepare: () => {
      newest.install();
      model.prepare();
    },
    encode: (message) => {
      stateOf(message);
      return model.encode(message);
    },
    apply: (message) => {
      if (isNews(message)) model.apply(message);
    },
    replace: (staged, scope, comparable) => {
      newest.replace(comparable, () => {
        model.replace(news(staged), scope, comparable);
      });
    },
  };

  /** One by one, as they are applied: each is compared with those before it. */
  function* news(staged: Iterable<unknown>): Generator<unknown, void, undefined> {
    for (const message of staged) if (isNews(message as M)) yield message;
  }
}
