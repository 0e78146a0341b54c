import { createHash, X509Certificate } from 'node:crypto';
import { hasIdentity, pinOf } from '../src/tls-peer';
import { authority, type Names } from './tls-certificates';

const root = authority('root');
const certificate = (names: Names) => new X509Certificate(root.issue(names).cert);
const a = 'spiffe://x.example/a';

describe('the identity in a certificate', () => {
  it.each<[Names, string, boolean]>([
    [{ uri: [a] }, a, true],
    [{ uri: [a], dns: ['a.example'] }, a, true],
    [{ uri: [a], dns: ['a.example'] }, 'a.example', true],
    [{ dns: ['b.example', 'A.example'] }, 'a.EXAMPLE', true],
    [{ uri: ['spiffe://x.example/b'] }, a, false],
    [{ uri: ['spiffe://x.example/a/b'] }, a, false],
    [{ uri: ['spiffe://x.example/A'] }, a, false],
    [{ uri: [a, 'spiffe://x.example/b'] }, a, false], // an SVID has one
    [{ dns: ['a.example'] }, a, false],
    [{ dns: ['*.example'] }, 'a.example', false],
    [{ dns: ['a.example.org'] }, 'a.example', false],
    [{ uri: ['a.example'] }, 'a.example', false],
    [{}, a, false],
    [{}, 'a service', false], // the common name
    // one name that would be two, were it split at its comma
    [{ uri: [`http://x, URI:${a}`] }, a, false],
    [{ uri: [`http://x, DNS:a.example`] }, 'a.example', false],
    [{ uri: [`http://x, DNS:a.example, `] }, 'a.example', false],
    [{ uri: [`http://x", DNS:a.example, DNS:"`] }, 'a.example', false],
    [{ uri: [`http://x\\", DNS:a.example, DNS:"`] }, 'a.example', false],
    [{ dns: [`x, URI:${a}`] }, a, false],
    [{ uri: [`${a}\0`] }, a, false],
  ])('%j is %s: %s', (names, identity, expected) => {
    expect(hasIdentity(certificate(names), identity)).toBe(expected);
  });
});

it("a pin is the key's SHA-256, as OpenSSL would write it, and no two keys have the same", () => {
  const one = certificate({ dns: ['a.example'] });
  const pem = one.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const base64 = pem.split('\n').slice(1, -2).join('');
  expect(pinOf(one)).toBe(createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64'));
  expect(pinOf(certificate({ dns: ['a.example'] }))).not.toBe(pinOf(one));
});
