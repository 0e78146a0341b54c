import { createHash, type X509Certificate } from 'node:crypto';

/** A certificate's public key, as pins name it: base64 of the SHA-256 of its SubjectPublicKeyInfo (RFC 7469, 2.4). */
export const pinOf = ({ publicKey }: X509Certificate): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');

/** Throws a `TypeError` that says what is wrong, for a caller to name the option, unless these are pins. */
export function checkPins(pins: readonly string[]): void {
  if (pins.length === 0) throw new TypeError('`pins` is empty; leave it out, or list at least one');
  for (const pin of pins)
    if (!/^[A-Za-z0-9+/]{43}=$/.test(pin))
      throw new TypeError('a pin is the base64 of a SHA-256: 44 characters, without a prefix');
}

/** The same for a service identity. */
export function checkIdentity(identity: string): void {
  if (/^spiffe:\/\/[a-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/.test(identity)) return;
  if (/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(identity)) return;
  throw new TypeError('an identity is a SPIFFE id (spiffe://trust-domain/path) or a DNS name');
}

/**
 * Does the certificate carry this identity? A SPIFFE id must be its only URI name (SPIFFE's X509-SVID, section 2); a DNS name must
 * be one of its DNS names, literally: no wildcard stands for a service, and the subject's common name counts for nothing.
 */
export function hasIdentity(certificate: X509Certificate, identity: string): boolean {
  const names = namesOf(certificate.subjectAltName ?? '');
  if (!identity.startsWith('spiffe://'))
    return names.some(({ type, value }) => type === 'DNS' && value.toLowerCase() === identity.toLowerCase());
  const uris = names.filter(({ type }) => type === 'URI');
  return uris.length === 1 && uris[0]?.value === identity;
}

/**
 * Node writes alternative names as `DNS:a, URI:b`, and as a JSON string whatever holds a comma, a quote or worse; a naive split
 * would let one name pretend to be two. What isn't of this form has no names.
 */
function namesOf(text: string): readonly { readonly type: string; readonly value: string }[] {
  const one = /(?:^|, )([^:,"]+):((?:[^",\\]|"(?:[^"\\]|\\.)*")*)(?=, |$)/gy;
  const names: { type: string; value: string }[] = [];
  let read = 0;
  for (const [whole, type = '', value = ''] of text.matchAll(one)) {
    read += whole.length;
    names.push({ type, value });
  }
  return read === text.length ? names : [];
}
