import { type BrokerTopic, brokerTopic } from './broker-topic';
import { lentBroker } from './lent-broker';

/** A topic of one's own, on a broker that is there for this run. */
export interface LentTopic extends BrokerTopic {
  /** Where the broker is from. */
  readonly from: string;
  /** Removes the topic, and ends the broker if it was started for this run. */
  readonly giveBack: () => Promise<void>;
}

export async function lentTopic(kind: BrokerTopic['broker']['kind']): Promise<LentTopic> {
  const lent = await lentBroker(kind);
  try {
    const topic = await brokerTopic(kind, lent.address);
    const giveBack = async () => {
      try {
        await topic.remove();
      } finally {
        await lent.giveBack();
      }
    };
    return { ...topic, from: lent.from, giveBack };
  } catch (error) {
    await lent.giveBack();
    throw error;
  }
}
