import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { checkIdentity, checkPins } from './tls-peer';

/** A certificate or a key, as PEM. */
export type Pem = string | Buffer;

/** Whom a client trusts, and as whom it introduces itself. All files as PEM. */
export interface ClientTls {
  /** The authorities that may vouch for the service, instead of those that Node trusts by itself. */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** The client's own certificate, first, and its intermediates. Needs `key`. */
  readonly cert?: Pem | undefined;
  /** The private key of `cert`, not encrypted. */
  readonly key?: Pem | undefined;
  /** The name to ask for and to check (SNI), where it isn't the URL's host. */
  readonly servername?: string | undefined;
  /**
   * Public keys that the service's own certificate may have, besides being valid: base64 of the SHA-256 of the
   * SubjectPublicKeyInfo. List the next one before it is rolled out.
   */
  readonly pins?: readonly string[] | undefined;
  /**
   * Who the service must be by its certificate, instead of the URL's host: a SPIFFE id (`spiffe://trust-domain/path`, its only URI
   * name), or a DNS name, literally among its names.
   */
  readonly identity?: string | undefined;
}

/** A function is asked before each request, so that certificates can be renewed without a restart. */
export type ClientTlsSource = ClientTls | (() => ClientTls | Promise<ClientTls>);

/** Throws a `TypeError` that says what is wrong, without a word of what was given. */
export function checkTls({ ca, cert, key, servername, pins, identity }: ClientTls): void {
  if (ca !== undefined) {
    const all = Array.isArray(ca) ? (ca as readonly Pem[]) : [ca as Pem];
    if (all.length === 0) throw new TypeError('`ca` is empty; leave it out to trust what Node trusts');
    for (const one of all) certificateIn(one, 'ca');
  }
  if ((cert === undefined) !== (key === undefined)) throw new TypeError('`cert` and `key` go together');
  if (cert !== undefined && key !== undefined && !certificateIn(cert, 'cert').checkPrivateKey(keyIn(key)))
    throw new TypeError('`key` is not the private key of `cert`');
  if (servername === '') throw new TypeError('`servername` is empty');
  if (pins !== undefined) checkPins(pins);
  if (identity !== undefined) checkIdentity(identity);
}

/** The first certificate of a PEM text. */
export function certificateIn(pem: Pem, option: 'ca' | 'cert'): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new TypeError(`\`${option}\` holds no PEM certificate`);
  }
}

function keyIn(pem: Pem): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new TypeError('`key` holds no PEM private key that can be read without a passphrase');
  }
}
