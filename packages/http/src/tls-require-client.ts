import { type IncomingMessage, type ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { InvalidConfiguration } from '@tidemark/core';
import { type HttpHandler } from './http-handler';
import { checkIdentity, checkPins, hasIdentity, pinOf } from './tls-peer';

/** Which clients are served. Where both are given, a client needs one of each. */
export interface AllowedClients {
  /** SPIFFE ids (a certificate's only URI name), or DNS names, literally. */
  readonly identities?: readonly string[] | undefined;
  /** Public keys: base64 of the SHA-256 of the certificate's SubjectPublicKeyInfo. */
  readonly pins?: readonly string[] | undefined;
}

/**
 * A listener for `node:https` that passes requests on to the handler only for clients whose certificate the server's `ca` vouches
 * for, is valid now, and is one of these. All others get a 403 that says nothing else. The server needs `requestCert: true`; with
 * `rejectUnauthorized: false` clients without a good certificate get the 403 too, instead of a connection that just breaks.
 *
 * Throws `InvalidConfiguration` where nothing is allowed, or what isn't a pin or an identity.
 *
 * @example createServer({ key, cert, ca, requestCert: true }, requireClient({ identities: ['spiffe://x.example/b'] }, feed))
 */
export function requireClient(
  allowed: AllowedClients,
  handler: Pick<HttpHandler, 'node'>,
): (req: IncomingMessage, res: ServerResponse) => void {
  check(allowed);
  return (req, res) => {
    if (isAllowed(allowed, req.socket)) handler.node(req, res);
    else res.writeHead(403, { 'content-type': 'text/plain; charset=utf-8' }).end('this client is not served\n');
  };
}

function check({ identities, pins }: AllowedClients): void {
  try {
    if (pins !== undefined) checkPins(pins);
    if (identities?.length === 0) throw new TypeError('`identities` is empty');
    if (identities === undefined && pins === undefined) throw new TypeError('give `identities`, `pins` or both');
    for (const identity of identities ?? []) checkIdentity(identity);
  } catch (error) {
    throw new InvalidConfiguration(`requireClient: ${(error as TypeError).message}`);
  }
}

function isAllowed({ identities, pins }: AllowedClients, socket: unknown): boolean {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return false;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return false;
  // a session may be resumed after the certificate has expired
  if (!(Date.now() <= Date.parse(certificate.validTo))) return false;
  if (identities !== undefined && !identities.some((identity) => hasIdentity(certificate, identity))) return false;
  return pins === undefined || pins.includes(pinOf(certificate));
}
