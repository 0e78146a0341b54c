/**
 * A npm registry on 127.0.0.1, in this process's memory: takes what is published, hands out what was taken, and knows nothing
 * else. It is as strict as the public one where that matters for a rehearsal: a token, no version twice, scoped packages must
 * say that they are public, a tarball must be what its manifest says.
 */
import { Buffer } from 'node:buffer';
import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { URL } from 'node:url';

/** An answer that isn't 200. */
const refused = (status, error) => ({ status, body: { error } });

async function bodyOf(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const sha512 = (bytes) => `sha512-${createHash('sha512').update(bytes).digest('base64')}`;

class Packages {
  /** name → what the registry tells of it, all versions */
  documents = new Map();
  /** path → bytes */
  tarballs = new Map();

  publish(document) {
    const { name, access, versions, _attachments: attachments, 'dist-tags': tags } = document;
    if (name.startsWith('@') && access !== 'public') return refused(402, `${name} isn't published as public`);
    const known = this.documents.get(name) ?? { name, versions: {}, 'dist-tags': {}, time: {} };
    for (const [version, manifest] of Object.entries(versions)) {
      if (known.versions[version]) return refused(403, `${name}@${version} is published already`);
      const [attachment] = Object.values(attachments);
      const tarball = Buffer.from(attachment.data, 'base64');
      if (sha512(tarball) !== manifest.dist.integrity) return refused(400, `${name}@${version} isn't what it says`);
      this.tarballs.set(decodeURIComponent(new URL(manifest.dist.tarball).pathname), tarball);
      known.versions[version] = manifest;
      known.time[version] = new Date().toISOString();
    }
    Object.assign(known['dist-tags'], tags);
    this.documents.set(name, known);
    return { status: 201, body: { ok: true } };
  }

  get(path) {
    const tarball = this.tarballs.get(path);
    if (tarball) return { status: 200, body: tarball };
    const document = this.documents.get(path.slice(1));
    return document ? { status: 200, body: document } : refused(404, `there is no ${path}`);
  }
}

/** Starts one, on any free port. `published()` lists what it has as `name@version`; `log` holds a line for each request. */
export async function loopbackRegistry() {
  const packages = new Packages();
  const token = randomUUID();
  const log = [];

  const answerTo = async (req) => {
    const path = decodeURIComponent(new URL(req.url, 'http://registry').pathname);
    if (req.method === 'GET') return packages.get(path);
    if (req.method !== 'PUT') return refused(405, `no ${req.method} here`);
    if (req.headers.authorization !== `Bearer ${token}`) return refused(401, 'who are you?');
    return packages.publish(JSON.parse(await bodyOf(req)));
  };

  const server = createServer((req, res) => {
    answerTo(req)
      .catch((error) => refused(500, String(error)))
      .then(({ status, body }) => {
        log.push(`${req.method} ${req.url} ${status}${body.error ? `: ${body.error}` : ''}`);
        const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
        const type = bytes === body ? 'application/octet-stream' : 'application/json';
        // npm's cache is kept out of it: what is published next has to be seen, and the port may be somebody else's tomorrow
        res.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(bytes);
      });
  });
  await new Promise((listening, failed) => server.once('error', failed).listen(0, '127.0.0.1', listening));

  return {
    host: `127.0.0.1:${server.address().port}`,
    token,
    log,
    manifest: (name, version) => packages.documents.get(name)?.versions[version],
    published: () =>
      [...packages.documents.values()]
        .flatMap(({ name, versions }) => Object.keys(versions).map((version) => `${name}@${version}`))
        .sort(),
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}
