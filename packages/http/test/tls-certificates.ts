import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { pinOf } from '../src/tls-peer';

/** A certificate and its private key, as PEM. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
  readonly pin: string;
}

export interface Names {
  readonly dns?: readonly string[];
  readonly ip?: readonly (readonly number[])[];
  readonly uri?: readonly string[];
  /** From when until when, in milliseconds from now; default an hour ago, and in an hour. */
  readonly from?: number;
  readonly to?: number;
}

export interface Authority {
  readonly ca: string;
  issue(names: Names): Credentials;
}

/** A certificate authority that lives as long as this process. Keys are P-256, written nowhere. */
export function authority(name: string): Authority {
  const own = keyPair();
  const hour = 3_600_000;
  const validity = { from: -hour, to: hour };
  const ca = certificate(name, name, own.publicKey, own.privateKey, validity, [
    extension('551d13', true, sequence(boolean())), // basicConstraints: CA
    extension('551d0f', true, der(0x03, Buffer.from([1, 0x06]))), // keyUsage: keyCertSign, cRLSign
  ]);
  return {
    ca,
    issue: ({ dns = [], ip = [], uri = [], from = validity.from, to = validity.to }) => {
      const pair = keyPair();
      const names = [
        ...dns.map((value) => der(0x82, Buffer.from(value))),
        ...uri.map((value) => der(0x86, Buffer.from(value))),
        ...ip.map((value) => der(0x87, Buffer.from(value))),
      ];
      const cert = certificate(name, 'a service', pair.publicKey, own.privateKey, { from, to }, [
        extension('551d11', false, sequence(...names)), // subjectAltName
      ]);
      const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      return { cert, key, pin: pinOf(new X509Certificate(cert)) };
    },
  };
}

const keyPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** RFC 5280, 4.1, in DER. */
function certificate(
  issuer: string,
  subject: string,
  publicKey: KeyObject,
  signer: KeyObject,
  { from, to }: { readonly from: number; readonly to: number },
  extensions: readonly Buffer[],
): string {
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(15)]);
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, serial),
    ecdsaWithSha256,
    nameOf(issuer),
    sequence(timeOf(from), timeOf(to)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', content, signer));
  const base64 = sequence(content, ecdsaWithSha256, signature).toString('base64').replaceAll(/.{64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${base64.trim()}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...contents: readonly Buffer[]) => der(0x30, ...contents);
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const boolean = () => der(0x01, Buffer.from([0xff]));
const nameOf = (commonName: string) => sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(commonName)))));
const extension = (id: string, critical: boolean, value: Buffer) =>
  sequence(oid(id), ...(critical ? [boolean()] : []), der(0x04, value));

/** GeneralizedTime, to the second. */
const timeOf = (fromNow: number) =>
  der(0x18, Buffer.from(`${new Date(Date.now() + fromNow).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`));
