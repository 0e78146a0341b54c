import { Kafka, logLevel } from 'kafkajs';

/** The id of the cluster at this address, once it has a broker that leads and a coordinator of groups. Rejects until then. */
export async function kafkaAnswers(brokers: readonly string[]): Promise<string> {
  const client = new Kafka({
    brokers: [...brokers],
    clientId: 'tidemark-brokers',
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
  });
  const admin = client.admin();
  try {
    await admin.connect();
    const { brokers: there, clusterId } = await admin.describeCluster();
    if (there.length === 0) throw new Error('no broker is registered');
    // has the topic of the groups' offsets made, which the first group would wait for
    await admin.fetchOffsets({ groupId: 'tidemark-brokers' });
    return clusterId;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
