import { TLSSocket } from 'node:tls';
import { IdentityRefused } from '@tidemark/core';

/** What is wrong with a certificate that its owner has only to renew. */
const outOfTime = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];

const certificateExpired = 45;

/** Alerts (RFC 8446, 6.2; RFC 5246, 7.2) by which a server refuses who we say that we are, or how we speak. */
const refusals = new Map([
  [40, 'handshake failure'],
  [42, 'bad certificate'],
  [43, 'unsupported certificate'],
  [44, 'certificate revoked'],
  [certificateExpired, 'certificate expired'],
  [46, 'certificate unknown'],
  [48, 'unknown ca'],
  [49, 'access denied'],
  [70, 'protocol version'],
  [71, 'insufficient security'],
  [116, 'certificate required'],
]);

/** The error as `IdentityRefused`, if one side didn't accept who the other is; `undefined` for any other failure. */
export function refusalOf(error: Error, socket: unknown, where: string): IdentityRefused | undefined {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (socket instanceof TLSSocket && Boolean(socket.authorizationError)) {
    const why = code === '' ? message : `${message} (${code})`;
    return new IdentityRefused(`${where} isn't who it should be: ${why}`, outOfTime.includes(code));
  }
  // OpenSSL's number is in the text alone where Node calls the failure EPROTO
  const alert = Number(/\bSSL alert number ([0-9]+)/.exec(message)?.[1]);
  const refusal = refusals.get(alert);
  if (refusal !== undefined)
    return new IdentityRefused(`${where} refuses us: TLS alert "${refusal}"`, alert === certificateExpired);
  if (message.includes(':unsupported protocol:'))
    return new IdentityRefused(`${where} speaks TLS older than 1.2 only`, false);
  return undefined;
}
