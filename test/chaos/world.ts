import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { type AOptions, type AOrder } from './a-process';
import { type BOrder } from './b-instance';
import { type BOptions } from './b-process';
import { type LogFromOutside, type Service, type ServicePlace } from './broker';
import { type BrokerName, brokers } from './brokers';
import { Process, until } from './process';
import { Proxy } from './proxy';
import { ReplicaWatch } from './replica-watch';

/**
 * How long anything may take when nothing is wrong, B's catching up included, in milliseconds. It takes a second or two; but on a busy
 * machine a process that starts may get no more than a twentieth of a processor.
 */
export const patienceMs = 90_000;

/** Something is not as it must be. */
export class ChaosFailed extends Error {
  override readonly name = 'ChaosFailed';
}

export interface WorldOptions {
  readonly broker: BrokerName;
  /** What the broker's `start` has answered. */
  readonly service?: Service | undefined;
  readonly seed: number;
  readonly instances: number;
  /** The instances divide the partitions among themselves; otherwise each reads all of them. */
  readonly share: boolean;
  readonly a: Pick<AOptions, 'size' | 'pauseMs' | 'journal'>;
  readonly b?: Pick<BOptions, 'silentMs'> | undefined;
  /** Of one instance. */
  readonly slow?: { readonly instance: number; readonly ms: number } | undefined;
  /** Node's options of each process. */
  readonly execArgv?: readonly string[] | undefined;
}

/** Removed when this process ends before its worlds do. */
const directories = new Set<string>();
process.on('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A, some instances of B that share one replica file, a broker where one holds the log, and the network between them. */
export class World {
  readonly directory = mkdtempSync(join(tmpdir(), 'tidemark-chaos-'));
  readonly file = join(this.directory, 'b.db');
  readonly watch = new ReplicaWatch(this.file);
  /** Which deployment of the pipeline an instance gets when it is started. */
  version = 1;
  /** Instances that a newer deployment has ended. */
  superseded = 0;
  /** The first thing that went wrong by itself. */
  failure: ChaosFailed | undefined;
  private a: Process | undefined;
  private readonly bs: (Process | undefined)[];
  private readonly lives: { readonly name: string; readonly process: Process }[] = [];
  private readonly ending = new Set<Process>();
  /** Instances that are to stay down until they are started by name. */
  private readonly down = new Set<number>();
  private outside: LogFromOutside | undefined;

  private constructor(
    private readonly options: WorldOptions,
    /** Before A. */
    private readonly proxy: Proxy,
    /** Before the broker. */
    private readonly serviceProxy: Proxy | undefined,
  ) {
    directories.add(this.directory);
    this.bs = Array.from({ length: options.instances }, () => undefined);
  }

  static async start(options: WorldOptions): Promise<World> {
    const { service } = options;
    const serviceProxy = service && (await Proxy.start());
    if (serviceProxy !== undefined) serviceProxy.target = portOf(service!.address);
    const world = new World(options, await Proxy.start(), serviceProxy);
    const started = world.startA();
    for (const instance of world.instances) world.startB(instance);
    await started;
    return world;
  }

  /** Everything that the network consists of. */
  get proxies(): readonly Proxy[] {
    return this.serviceProxy === undefined ? [this.proxy] : [this.proxy, this.serviceProxy];
  }

  /** The network is well again. */
  heal(): void {
    for (const proxy of this.proxies) proxy.heal();
  }

  get service(): Service {
    const { service } = this.options;
    if (service === undefined) throw new ChaosFailed('no broker holds this log');
    return service;
  }

  private serviceAt(address: string | undefined): ServicePlace | undefined {
    return address === undefined ? undefined : { address, name: basename(this.directory) };
  }

  get instances(): number[] {
    return [...this.bs.keys()];
  }

  /** The log, whether A lives or not. */
  get log(): LogFromOutside {
    return (this.outside ??= brokers[this.options.broker].look({
      directory: this.directory,
      service: this.serviceAt(this.options.service?.address),
    }));
  }

  /** What every process that ever lived here said last. */
  get tails(): string {
    return this.lives.map(({ name, process }) => `-- ${name}\n${process.tail}`).join('\n');
  }

  count(type: string): number {
    return this.lives.reduce((sum, { process }) => sum + process.count(type), 0);
  }

  // ── A ──────────────────────────────────────────────────────────────────────

  async startA(): Promise<void> {
    const { broker, seed, a, execArgv } = this.options;
    const service = this.serviceAt(this.serviceProxy?.address);
    const options: AOptions = { broker, directory: this.directory, service, seed, ...a };
    const process = this.launch('A', 'a-process.js', options, execArgv);
    this.a = process;
    this.proxy.target = undefined;
    await until('A listens', () => process.count('listens') > 0 || !process.alive, patienceMs);
    this.proxy.target = process.told.find(({ type }) => type === 'listens')?.port;
  }

  async killA(): Promise<void> {
    await this.end(this.a, (a) => a.kill());
  }

  async stopA(): Promise<void> {
    await this.end(this.a, (a) => a.stop());
  }

  /** A writes no more. */
  async quiet(): Promise<void> {
    await this.processA.ask('quiet' satisfies AOrder, 'quiet', patienceMs);
  }

  get processA(): Process {
    if (this.a === undefined) throw new ChaosFailed('A was never started');
    return this.a;
  }

  // ── B ──────────────────────────────────────────────────────────────────────

  /** Does nothing if it runs. */
  startB(instance: number): void {
    this.down.delete(instance);
    if (this.bs[instance]?.alive === true) return;
    const { broker, share, slow, b, execArgv } = this.options;
    const options: BOptions = {
      broker,
      url: `http://${this.proxy.address}`,
      service: this.serviceAt(this.serviceProxy?.address),
      file: this.file,
      version: String(this.version),
      owner: share ? `b${instance}` : undefined,
      slowMs: slow?.instance === instance ? slow.ms : undefined,
      taciturn: true,
      ...b,
    };
    const process = this.launch(`B${instance}, version ${this.version}`, 'b-process.js', options, execArgv);
    this.bs[instance] = process;
    void process.ended.then(() => {
      if (this.down.has(instance) || process !== this.bs[instance] || !wasSuperseded(process)) return;
      this.superseded++;
      this.startB(instance);
    });
  }

  processB(instance: number): Process {
    const process = this.bs[instance];
    if (process === undefined) throw new ChaosFailed(`instance ${instance} was never started`);
    return process;
  }

  async killB(instance: number): Promise<void> {
    this.down.add(instance);
    await this.end(this.bs[instance], (b) => b.kill());
  }

  /** A newer deployment may end it first. */
  async stopB(instance: number): Promise<void> {
    this.down.add(instance);
    await this.end(this.bs[instance], async (b) => {
      await b.stop().catch((error: unknown) => {
        if (!wasSuperseded(b)) throw error;
      });
    });
  }

  order(instance: number, order: BOrder): void {
    this.bs[instance]?.order(order);
  }

  freeze(instance: number): void {
    this.bs[instance]?.signal('SIGSTOP');
  }

  thaw(instance: number): void {
    this.bs[instance]?.signal('SIGCONT');
  }

  /** Removes the replica; no instance may run. */
  forgetReplica(): void {
    this.watch.forget();
    for (const end of ['', '-wal', '-shm']) rmSync(`${this.file}${end}`, { force: true });
  }

  // ── the end ────────────────────────────────────────────────────────────────

  /** Ends all processes at once, and removes the files unless they are to be kept. */
  async abandon({ keep }: { readonly keep: boolean }): Promise<void> {
    this.watch.stop();
    for (const instance of this.instances) this.down.add(instance);
    for (const { process } of this.lives) this.ending.add(process);
    await Promise.all(this.lives.map(({ process }) => process.kill()));
    for (const proxy of this.proxies) await proxy.stop();
    await this.outside?.close();
    directories.delete(this.directory);
    if (!keep) rmSync(this.directory, { recursive: true, force: true });
  }

  private launch(name: string, script: string, options: object, execArgv?: readonly string[]): Process {
    const process = new Process(join(__dirname, script), options, execArgv);
    this.lives.push({ name, process });
    void process.ended.then((how) => {
      if (this.ending.has(process) || wasSuperseded(process)) return;
      this.failure ??= new ChaosFailed(`${name} ended by itself (${how}):\n${process.tail}`);
    });
    return process;
  }

  private async end(process: Process | undefined, how: (process: Process) => Promise<void>): Promise<void> {
    if (process?.alive !== true) return;
    this.ending.add(process);
    await how(process);
  }
}

const portOf = (address: string): number => Number(address.split(':')[1]);

const wasSuperseded = ({ told }: Process): boolean => told.some(({ code }) => code === 'PIPELINE_SUPERSEDED');
