import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { lastLines, type OwnedProcess, ownedProcess } from './owned-process';
import { freePorts, isFree } from './ports';

/** A broker of one's own, with one node. */
export interface OwnBroker {
  /** `127.0.0.1:port`; the same after a restart. */
  readonly address: string;
  /** Its settings, its log and its data. */
  readonly directory: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** SIGKILL. The data stays. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, and within some milliseconds nothing is answered any more. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** Kills it if it lives, and starts it on the same ports with the same data. */
  restart(): Promise<void>;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

/** What starts one, the same for every kind. */
export interface OwnBrokerOptions {
  /** How long it may take until it answers, in milliseconds. The default is each kind's own. */
  readonly withinMs?: number | undefined;
  /** Where it lives on after this process; absent: in a temporary directory, and it ends with this process. */
  readonly staysIn?: string | undefined;
}

/** The program that a broker is. */
export interface BrokerProgram {
  /** Its name and version, for people. */
  readonly title: string;
  /** Its temporary directory begins with this. */
  readonly prefix: string;
  /** How many ports it needs. It answers at the first. */
  readonly ports: number;
  /** Who it says that it is, so that nobody else is taken for it. */
  readonly identity: string;
  /** Who answers at this address. Rejects until somebody does. */
  answers(address: string): Promise<string>;
  /** Fills its directory; fulfils with the command that starts it in there. */
  prepare(directory: string, ports: readonly number[]): Promise<readonly [command: string, ...args: readonly string[]]>;
}

/** Somebody was faster. */
class PortTaken extends Error {}

/** Starts it and waits until it answers; on other ports where somebody was faster. Rejects with the end of its log where it doesn't start. */
export async function ownBroker(
  program: BrokerProgram,
  { withinMs, staysIn }: OwnBrokerOptions & { readonly withinMs: number },
): Promise<OwnBroker> {
  const end = performance.now() + withinMs;
  for (let tries = 1; ; tries++) {
    const directory = staysIn ?? (await mkdtemp(join(tmpdir(), program.prefix)));
    try {
      return await started({ program, withinMs, end, directory, stays: staysIn !== undefined });
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      if (!(error instanceof PortTaken) || tries === 5) throw error;
    }
  }
}

interface Start {
  readonly program: BrokerProgram;
  readonly withinMs: number;
  readonly end: number;
  readonly directory: string;
  readonly stays: boolean;
}

async function started({ program, withinMs, end, directory, stays }: Start): Promise<OwnBroker> {
  const ports = await freePorts(program.ports);
  const address = `127.0.0.1:${ports[0] ?? 0}`;
  const log = join(directory, 'broker.log');
  const [command, ...args] = await program.prepare(directory, ports);
  let node = await launch(end);

  async function launch(deadline: number): Promise<OwnedProcess> {
    const one = await ownedProcess({ command, args, directory, log, stays });
    let reason: unknown = 'it was never asked';
    try {
      for (let wait = 5; one.alive() && performance.now() < deadline; wait = Math.min(100, 2 * wait)) {
        try {
          if ((await program.answers(address)) === program.identity && one.alive()) return one;
          throw new PortTaken(`somebody else answers at ${address}`);
        } catch (error) {
          if (error instanceof PortTaken) throw error;
          reason = error;
        }
        await Promise.race([one.ended, pause(wait)]);
      }
      const said = await lastLines(log);
      if (!one.alive() && /address already in use|SocketServer failed to bind/i.test(said)) throw new PortTaken(said);
      const how = one.alive()
        ? `doesn't answer within ${withinMs} ms (${String(reason)})`
        : `ended with ${await one.ended}`;
      throw new Error(`${program.title} at ${address} ${how}; its log ends with:\n${said}`);
    } catch (error) {
      await one.kill();
      throw error;
    }
  }

  const kill = () => node.kill();
  return {
    address,
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
      const free = async () => (await Promise.all(ports.map(isFree))).every((one) => one);
      while (!(await free()) && performance.now() < deadline) await pause(20);
      node = await launch(deadline);
    },
    async stop() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
