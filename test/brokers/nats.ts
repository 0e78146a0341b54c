import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { natsAnswers } from './nats-answers';
import { natsServer, type NatsVersion, natsVersions } from './nats-servers';
import { type OwnBroker, ownBroker, type OwnBrokerOptions } from './own-broker';

/** What a server is told, by the names of its configuration file; durations are texts like `2s`. */
interface NatsConfig {
  readonly [name: string]: NatsSetting;
}
type NatsSetting = string | number | boolean | NatsConfig | readonly NatsSetting[];

/** `withinMs` is 10,000 by default. */
export interface NatsOptions extends OwnBrokerOptions {
  /** Default `current`. */
  readonly version?: NatsVersion | undefined;
  /** Over the defaults, but for where it listens and where its data is. JetStream is always on: `jetstream` says how. */
  readonly config?: (NatsConfig & { readonly jetstream?: NatsConfig }) | undefined;
}

/** A restart after a kill takes some milliseconds. */
export interface OwnNats extends OwnBroker {
  /** What the server says, `2.9.10`. */
  readonly version: string;
}

/**
 * Starts a server with JetStream and waits until it answers. Rejects with `Unavailable` where this version can't be had, and with
 * the end of the server's log where it doesn't start.
 */
export async function startNats(options: NatsOptions = {}): Promise<OwnNats> {
  const { version = 'current', config = {}, withinMs = 10_000, staysIn } = options;
  const command = await natsServer(version);
  const identity = `tidemark-${randomBytes(8).toString('hex')}`;
  let says = '';

  async function prepare(directory: string, [port = 0]: readonly number[]) {
    const jetstream = { ...config.jetstream, store_dir: join(directory, 'data') };
    const own = { server_name: identity, host: '127.0.0.1', port, jetstream };
    const file = join(directory, 'server.conf');
    await writeFile(file, JSON.stringify({ ...config, ...own }, null, 2)); // it reads JSON, too
    return [command, '-c', file] as const;
  }
  async function answers(address: string) {
    const info = await natsAnswers(address);
    says = info.version;
    return info.serverName;
  }

  const title = `NATS ${natsVersions[version]}`;
  const program = { title, prefix: 'tidemark-nats-', ports: 1, identity, answers, prepare };
  return Object.assign(await ownBroker(program, { withinMs, staysIn }), { version: says });
}
