import { IdentityRefused } from '@tidemark/core';
import { TLSSocket } from 'node:tls';

/** What is wrong with a certificate that its owner has only to renew. */
const expired = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];

/** By which alerts (RFC 8446, 6.2) a server refuses what we said of ourselves; OpenSSL's names of them. */
const alert =
  /ALERT_(HANDSHAKE_FAILURE|(BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_(REVOKED|EXPIRED|UNKNOWN|REQUIRED)|UNKNOWN_CA|ACCESS_DENIED|PROTOCOL_VERSION|INSUFFICIENT_SECURITY)$/;

/** The error as `IdentityRefused`, if one side didn't accept who the other is; `undefined` for any other failure. */
export function refusalOf(error: Error, socket: unknown, where: string): IdentityRefused | undefined {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (socket instanceof TLSSocket && Boolean(socket.authorizationError))
    return new IdentityRefused(`${where} isn't who it should be: ${reasonOf(error)}`, expired.includes(code));
  const [, ours] = alert.exec(code) ?? [];
  if (ours !== undefined)
    return new IdentityRefused(`${where} refuses us: TLS alert ${ours}`, ours === 'CERTIFICATE_EXPIRED');
  if (code === 'ERR_SSL_UNSUPPORTED_PROTOCOL' || code === 'ERR_SSL_NO_PROTOCOLS_AVAILABLE')
    return new IdentityRefused(`${where} speaks no TLS from 1.2 on (${code})`, false);
  return undefined;
}

/** OpenSSL's sentence and code; Node's own message about a wrong host lists that certificate's names, which is of use. */
const reasonOf = ({ message, code }: NodeJS.ErrnoException): string =>
  code === undefined ? message : `${message} (${code})`;
