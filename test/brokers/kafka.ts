import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { fetched, java } from './jars';
import { kafkaAnswers } from './kafka-answers';
import { kafkaJars, kafkaVersion } from './kafka-jars';
import { type KafkaSettings, serverProperties } from './kafka-settings';
import { type OwnBroker, ownBroker, type OwnBrokerOptions } from './own-broker';
import { Unavailable } from './unavailable';

const run = promisify(execFile);
const title = `Kafka ${kafkaVersion}`;
const flags = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xms64m', '-Xmx512m'];
const logging = ['defaultLogLevel=warn', 'showDateTime=true', 'dateTimeFormat=HH:mm:ss.SSS'];

/** `withinMs` is 60,000 by default. */
export interface KafkaOptions extends OwnBrokerOptions {
  /** Broker settings, by Kafka's names, over the defaults in kafka-settings.ts. */
  readonly settings?: KafkaSettings | undefined;
}

/**
 * A restart after a kill takes some five seconds. Thawed after more than `broker.session.timeout.ms`, clients see a moment without
 * a leader.
 */
export interface OwnKafka extends OwnBroker {
  readonly clusterId: string;
}

/** Whether a broker can be started here; brings what it needs. Rejects with `Unavailable`. */
export async function kafkaJarFolder(): Promise<string> {
  if (process.platform === 'win32')
    throw new Unavailable('on Windows Kafka is not started from its jars: use Docker, or set TIDEMARK_KAFKA');
  await java(17);
  return fetched(kafkaJars);
}

/**
 * Starts a broker and waits until it answers. Rejects with `Unavailable` where Java, Maven or the jars can't be had, and with the
 * end of the broker's log where it doesn't start.
 */
export async function startKafka({ settings = {}, withinMs = 60_000, staysIn }: KafkaOptions = {}): Promise<OwnKafka> {
  const jars = await kafkaJarFolder();
  const clusterId = newClusterId();
  const jvm = [...flags, ...logging.map((one) => `-Dorg.slf4j.simpleLogger.${one}`), '-cp', join(jars, '*')];

  async function prepare(directory: string, [port = 0, controllerPort = 0]: readonly number[]) {
    const properties = join(directory, 'server.properties');
    const data = join(directory, 'data');
    await mkdir(data, { recursive: true });
    await writeFile(properties, serverProperties({ port, controllerPort, data }, settings));
    const format = [...jvm, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties];
    await run('java', format, { timeout: withinMs, killSignal: 'SIGKILL' }).catch((error: unknown) => {
      const { stdout, stderr, killed } = error as { stdout: string; stderr: string; killed: boolean };
      const late = killed ? ` within ${withinMs} ms` : '';
      throw new Error(`${title} can't format its directory${late}:\n${stdout}${stderr}`);
    });
    return ['java', ...jvm, 'kafka.Kafka', properties] as const;
  }

  const answers = (address: string) => kafkaAnswers([address]);
  const program = { title, prefix: 'tidemark-kafka-', ports: 2, identity: clusterId, answers, prepare };
  return Object.assign(await ownBroker(program, { withinMs, staysIn }), { clusterId });
}

/** A UUID as Kafka writes it: never with a leading dash, which a command would take for an option. */
function newClusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? newClusterId() : id;
}
