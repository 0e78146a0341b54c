export { kafkaLog } from './kafka-log';
export type { KafkaLogOptions } from './kafka-log';
