import fc from 'fast-check';
import { acceptsGzip } from '../src/snapshot-gzip';
import { canonicalScope } from '../src/snapshot-scope';
import { anyChar } from './any-text';

describe('canonicalScope', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['?', undefined],
    ['?media=42', 'media=42'],
    ['b=1&a=2', 'a=2&b=1'],
    ['a=2&b=1&a=1', 'a=2&a=1&b=1'],
    ['q=%20%C5%BE', 'q=+%C5%BE'],
  ])('%s → %s', (query, scope) => {
    expect(canonicalScope(query)).toBe(scope);
  });

  it('is its own canonical form, whatever the query', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: anyChar }), fc.string())), (pairs) => {
        const scope = canonicalScope(new URLSearchParams(pairs).toString());
        expect(canonicalScope(scope)).toBe(scope);
        const url = new URL('http://a.example/');
        url.search = scope ?? '';
        expect(canonicalScope(url.search)).toBe(scope);
      }),
    );
  });
});

describe('acceptsGzip', () => {
  it.each([
    [null, false],
    ['', false],
    ['gzip', true],
    ['br, GZIP;q=0.5', true],
    ['gzip; q=0', false],
    ['*', true],
    ['*;q=1, gzip;q=0', false],
    ['br, deflate', false],
    ['gzip;q=x', false],
  ])('%s → %s', (header, accepts) => {
    expect(acceptsGzip(header)).toBe(accepts);
  });
});
