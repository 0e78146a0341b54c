import type * as t from 'io-ts';

/** The part of the Standard Schema interface (standardschema.dev) that is used: zod 4, valibot, arktype and others have it. */
export interface StandardSchema<A> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => unknown;
    readonly types?: { readonly input: unknown; readonly output: A } | undefined;
  };
}

/** An io-ts decoder or a Standard Schema validator (a synchronous one). */
export type Decoder<A> = t.Decoder<unknown, A> | StandardSchema<A>;

/** What a decoder gives. */
export type Out<D> = D extends t.Decoder<unknown, infer A> ? A : D extends StandardSchema<infer A> ? A : never;

/** How one topic's rows, updates and tombstones are read. */
export interface TopicDecoders {
  /** A row of the snapshot (a JSON value). Without it, rows of this topic are refused. */
  readonly row?: Decoder<unknown> | undefined;
  /** A record's value, after `parse`. */
  readonly update: Decoder<unknown>;
  /** A tombstone's key, as text, of the log's tombstones and a snapshot's. Without it, tombstones of this topic are refused. */
  readonly tombstone?: Decoder<unknown> | undefined;
  /** Bytes → value; unless given JSON, in which the key `__proto__` is refused. */
  readonly parse?: ((bytes: Uint8Array) => unknown) | undefined;
}

/** The application's topic → its decoders. */
export type Decoders = Readonly<Record<string, TopicDecoders>>;
