import { createHash } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { IdentityRefused, InvalidConfiguration, orAborted, SyncError, Unavailable } from '@tidemark/core';
import { shown } from './shown-url';
import { certificateIn, checkTls, type ClientTls, type ClientTlsSource } from './tls-options';
import { hasIdentity, pinOf } from './tls-peer';

/** Which connections a request may use. */
export type Agents = (signal: AbortSignal) => Promise<HttpAgent>;

/** A connection that nobody uses is closed after this: before Node's servers do it (5 s), so that none is found dead. */
const idleMs = 4_000;

/**
 * Connections of one client to one origin, shared with nobody. New certificates mean new connections; what is being read over
 * old ones is read to its end.
 *
 * Throws `InvalidConfiguration` for `tls` that can't work; a function's answer that can't, which may be a file caught half
 * written, is `Unavailable`.
 */
export function agentsOf(base: URL, tls: ClientTlsSource | undefined): Agents {
  const where = shown(base);
  if (base.protocol !== 'https:') {
    if (tls !== undefined) throw new InvalidConfiguration(`${where} isn't an https URL: \`tls\` can't protect it`);
    const plain = new HttpAgent({ keepAlive: true, timeout: idleMs });
    return () => Promise.resolve(plain);
  }
  if (typeof tls === 'function') return renewed(tls, where);
  const given = tls ?? {};
  const agent = agentOf(given, (what) => new InvalidConfiguration(`tls for ${where}: ${what}`));
  return () => {
    requireValid(given, where);
    return Promise.resolve(agent);
  };
}

function renewed(ask: () => ClientTls | Promise<ClientTls>, where: string): Agents {
  let current: { readonly print: string; readonly agent: HttpsAgent } | undefined;
  return async (signal) => {
    const tls = await orAborted(asked(ask, where), signal);
    const print = fingerprint(tls);
    if (current?.print !== print) {
      const agent = agentOf(tls, (what) => new Unavailable(`the function \`tls\` for ${where}: ${what}`));
      if (current !== undefined) retire(current.agent);
      current = { print, agent };
    }
    requireValid(tls, where);
    return current.agent;
  };
}

async function asked(ask: () => ClientTls | Promise<ClientTls>, where: string): Promise<ClientTls> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw new Unavailable(`the function \`tls\` for ${where} failed`, { cause });
  }
}

function agentOf(tls: ClientTls, unusable: (what: string) => SyncError): HttpsAgent {
  try {
    checkTls(tls);
  } catch (error) {
    throw unusable((error as TypeError).message);
  }
  const { ca, cert, key, servername } = tls;
  return new HttpsAgent({
    keepAlive: true,
    timeout: idleMs,
    // a resumed session would skip `checkServerIdentity`, and with it the pins
    maxCachedSessions: 0,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    checkServerIdentity: (host, peer) => objection(tls, host, peer),
    ...(ca !== undefined && { ca: Array.isArray(ca) ? [...(ca as (string | Buffer)[])] : (ca as string | Buffer) }),
    ...(cert !== undefined && { cert, key }),
    ...(servername !== undefined && { servername }),
  });
}

/** Node asks once for each connection, before a byte of the request is sent. */
function objection({ identity, pins }: ClientTls, host: string, peer: PeerCertificate): Error | undefined {
  const certificate = new X509Certificate(peer.raw);
  if (identity === undefined) {
    const wrongHost = checkServerIdentity(host, peer);
    if (wrongHost !== undefined) return wrongHost;
  } else if (!hasIdentity(certificate, identity)) return new Error(`its certificate is not that of ${identity}`);
  if (pins !== undefined && !pins.includes(pinOf(certificate))) return new Error('its public key is none of `pins`');
  return undefined;
}

/** Our own certificate: a server that refuses it often just hangs up, which would look like an outage. */
function requireValid({ cert }: ClientTls, where: string): void {
  if (cert === undefined) return;
  const { validFrom, validTo } = certificateIn(cert, 'cert');
  const now = Date.now();
  if (now < Date.parse(validFrom))
    throw new IdentityRefused(`${where}: our own certificate isn't valid before ${validFrom}`, true);
  if (now > Date.parse(validTo)) throw new IdentityRefused(`${where}: our own certificate expired on ${validTo}`, true);
}

function retire(agent: HttpsAgent): void {
  agent.maxFreeSockets = 0;
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
}

const fingerprint = ({ ca, cert, key, servername, pins, identity }: ClientTls): string =>
  createHash('sha256')
    .update(JSON.stringify([[ca].flat().map(String), String(cert), String(key), servername, pins, identity]))
    .digest('base64');
