/**
 * The canonical form of a scope, which is a query string: decoded, sorted by name (values of one name keep their order) and
 * encoded as a form. `?b=1&a=2` → `a=2&b=1`; nothing, or an empty query, is everything: `undefined`.
 */
export function canonicalScope(query: string | undefined): string | undefined {
  const params = new URLSearchParams(query);
  params.sort();
  const scope = params.toString();
  return scope === '' ? undefined : scope;
}
