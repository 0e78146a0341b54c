export { memoryLog } from './memory-log';
export type { MemoryLog, MemoryLogOptions } from './memory-log';
export type { TopicLayout } from './broker';
export { memoryLeases } from './memory-leases';
