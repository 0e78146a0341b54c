import { type PositionStore } from './position-store';
import { type Locator, type Publisher } from './publisher';
import { type Transport } from './transport';

/** What an adapter gives: transport, publisher, locator, and a place for positions. Disposing closes what it opened itself. */
export interface Log<Topic extends string = string>
  extends Transport<Topic>, Publisher<Topic>, Locator, AsyncDisposable {
  readonly positions: PositionStore;
}

/** Your names for the topics, and (where the log calls them otherwise) the log's. */
export type Topics<Name> = readonly string[] | { readonly [topic: string]: Name };

/** The application's topic names of a `Topics`. */
export type TopicOf<N> = N extends readonly (infer T extends string)[] ? T : keyof N & string;
