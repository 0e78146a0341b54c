/** What a broker is told, by the names of Kafka's own documentation. */
export type KafkaSettings = Readonly<Record<string, string | number | boolean>>;

/** One node, little memory, and nothing that tests would have to wait for. */
const defaultSettings: KafkaSettings = {
  'auto.create.topics.enable': false,
  'offsets.topic.replication.factor': 1,
  'offsets.topic.num.partitions': 1,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'transaction.state.log.num.partitions': 1,
  'share.coordinator.state.topic.replication.factor': 1,
  'share.coordinator.state.topic.min.isr': 1,
  'share.coordinator.state.topic.num.partitions': 1,
  'group.initial.rebalance.delay.ms': 0,
  'group.min.session.timeout.ms': 100,
  // the sooner it may come back after it was killed: until then its own former registration is in the way
  'broker.session.timeout.ms': 2_000,
  'broker.heartbeat.interval.ms': 200,
  // retention and compaction within a second, not within minutes
  'log.initial.task.delay.ms': 500,
  'log.retention.check.interval.ms': 500,
  'log.cleaner.backoff.ms': 500,
  'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
  'num.network.threads': 1,
  'num.io.threads': 2,
  'num.recovery.threads.per.data.dir': 1,
  'background.threads': 2,
  'group.coordinator.threads': 1,
};

/** Where it listens, and where its data is. */
export interface KafkaPlace {
  readonly port: number;
  readonly controllerPort: number;
  readonly data: string;
}

/** The text of its server.properties. */
export function serverProperties({ port, controllerPort, data }: KafkaPlace, settings: KafkaSettings): string {
  const own: KafkaSettings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': data,
  };
  return Object.entries({ ...defaultSettings, ...settings, ...own })
    .map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('');
}
