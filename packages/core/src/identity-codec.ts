import * as t from 'io-ts';

/**
 * Whether `decode` gives every JSON value back as it is or refuses it, so that `is` says all that there is to say. `is` makes no
 * context for each property, which is two thirds of what decoding a record allocates.
 *
 * True of io-ts's own primitives, `literal`, `keyof`, `type`, `partial`, `array`, `union`, `intersection` and refinements of one
 * another. Not of what strips or converts (`exact`, `strict`, `record`, codecs of your own), not of a `type` with a property that may
 * be undefined (where it is missing, `decode` puts it in), and not of copies that only look the same: io-ts-types' `withValidate`
 * and `withMessage` leave the tag and put in another `validate`, so the functions' text is compared with that of io-ts's own.
 */
export function isIdentityCodec(codec: t.Decoder<unknown, unknown>): codec is t.Mixed {
  const { _tag, is } = codec as Partial<t.Mixed> & { readonly _tag?: string };
  const samples = own.get(_tag ?? '');
  if (!samples?.some((sample) => same(sample.is, is) && same(sample.validate, codec.validate))) return false;
  const { types, type, props } = codec as {
    readonly types?: readonly t.Mixed[];
    readonly type?: t.Mixed;
    readonly props?: t.Props;
  };
  const properties = Object.values(props ?? {});
  if (_tag === 'InterfaceType' && properties.some((property) => property.is(undefined))) return false;
  return [...(types ?? []), ...(type ? [type] : []), ...properties].every(isIdentityCodec);
}

const same = (one: unknown, other: unknown): boolean => String(one) === String(other);

const own = new Map<string, t.Mixed[]>();
for (const codec of [
  ...[t.null, t.undefined, t.void, t.unknown, t.string, t.number, t.bigint, t.boolean, t.UnknownArray, t.UnknownRecord],
  ...[t.literal(0), t.keyof({}), t.Int, t.array(t.string), t.type({}), t.partial({})],
  ...[t.union([t.string, t.number]), t.union([t.type({ of: t.literal(0) }), t.type({ of: t.literal(1) })])],
  t.intersection([t.type({}), t.partial({})]),
] as (t.Mixed & { readonly _tag: string })[])
  own.set(codec._tag, [...(own.get(codec._tag) ?? []), codec]);
