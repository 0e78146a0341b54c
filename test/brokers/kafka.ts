import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { fetched, java } from './jars';
import { kafkaAnswers } from './kafka-answers';
import { kafkaJars, kafkaVersion } from './kafka-jars';
import { type KafkaSettings, serverProperties } from './kafka-settings';
import { lastLines, type OwnedProcess, ownedProcess } from './owned-process';
import { freePorts, isFree } from './ports';
import { Unavailable } from './unavailable';

const run = promisify(execFile);
const flags = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xms64m', '-Xmx512m'];
const logging = ['defaultLogLevel=warn', 'showDateTime=true', 'dateTimeFormat=HH:mm:ss.SSS'];

export interface KafkaOptions {
  /** Broker settings, by Kafka's names, over the defaults in kafka-settings.ts. */
  readonly settings?: KafkaSettings | undefined;
  /** How long it may take until it answers, in milliseconds. Default 60,000. */
  readonly withinMs?: number | undefined;
  /** Where it lives on after this process; absent: in a temporary directory, and it ends with this process. */
  readonly staysIn?: string | undefined;
}

/** A Kafka broker of one's own, with one node. */
export interface OwnKafka {
  /** `127.0.0.1:port`; the same after a restart. */
  readonly address: string;
  readonly clusterId: string;
  /** Its settings, its log and its data. */
  readonly directory: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** SIGKILL. The data stays. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing is answered. */
  freeze(): void;
  /** SIGCONT. After more than `broker.session.timeout.ms` clients see a moment without a leader. */
  thaw(): void;
  /** Kills it if it lives, and starts it on the same ports with the same data. After a kill this takes some five seconds. */
  restart(): Promise<void>;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
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
  const end = performance.now() + withinMs;
  for (let tries = 1; ; tries++) {
    const directory = staysIn ?? (await mkdtemp(join(tmpdir(), 'tidemark-kafka-')));
    try {
      return await started({ jars, settings, withinMs, end, directory, stays: staysIn !== undefined });
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      if (!(error instanceof PortTaken) || tries === 5) throw error;
    }
  }
}

/** A UUID as Kafka writes it: never with a leading dash, which a command would take for an option. */
function newClusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? newClusterId() : id;
}

/** Somebody was faster. */
class PortTaken extends Error {}

interface Start {
  readonly jars: string;
  readonly settings: KafkaSettings;
  readonly withinMs: number;
  readonly end: number;
  readonly directory: string;
  readonly stays: boolean;
}

async function started({ jars, settings, withinMs, end, directory, stays }: Start): Promise<OwnKafka> {
  const [port = 0, controllerPort = 0] = await freePorts(2);
  const address = `127.0.0.1:${port}`;
  const clusterId = newClusterId();
  const properties = join(directory, 'server.properties');
  const log = join(directory, 'broker.log');
  const data = join(directory, 'data');
  const command = [...flags, ...logging.map((one) => `-Dorg.slf4j.simpleLogger.${one}`), '-cp', join(jars, '*')];
  await mkdir(data, { recursive: true });
  await writeFile(properties, serverProperties({ port, controllerPort, data }, settings));
  const format = [...command, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties];
  await run('java', format, { timeout: withinMs, killSignal: 'SIGKILL' }).catch((error: unknown) => {
    const { stdout, stderr, killed } = error as { stdout: string; stderr: string; killed: boolean };
    const late = killed ? ` within ${withinMs} ms` : '';
    throw new Error(`Kafka ${kafkaVersion} can't format its directory${late}:\n${stdout}${stderr}`);
  });

  let node = await launch(end);

  async function launch(deadline: number): Promise<OwnedProcess> {
    const args = [...command, 'kafka.Kafka', properties];
    const one = await ownedProcess({ command: 'java', args, directory, log, stays });
    let reason: unknown = 'it was never asked';
    try {
      while (one.alive() && performance.now() < deadline) {
        try {
          if ((await kafkaAnswers([address])) === clusterId && one.alive()) return one;
          throw new PortTaken(`another cluster answers at ${address}`);
        } catch (error) {
          if (error instanceof PortTaken) throw error;
          reason = error;
        }
        await Promise.race([one.ended, pause(100)]);
      }
      const said = await lastLines(log);
      if (!one.alive() && /Address already in use|SocketServer failed to bind/.test(said)) throw new PortTaken(said);
      const how = one.alive()
        ? `doesn't answer within ${withinMs} ms (${String(reason)})`
        : `ended with ${await one.ended}`;
      throw new Error(`Kafka ${kafkaVersion} at ${address} ${how}; its log ends with:\n${said}`);
    } catch (error) {
      await one.kill();
      throw error;
    }
  }

  const kill = () => node.kill();
  return {
    address,
    clusterId,
    directory,
    get pid() {
      return node.pid;
    },
    kill,
    freeze: () => node.signal('SIGSTOP'),
    thaw: () => node.signal('SIGCONT'),
    async restart() {
      await kill();
      const deadline = performance.now() + withinMs;
      while (!((await isFree(port)) && (await isFree(controllerPort))) && performance.now() < deadline) await pause(20);
      node = await launch(deadline);
    },
    async stop() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
