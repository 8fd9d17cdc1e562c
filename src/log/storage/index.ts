// The door of src/log/storage: the logs of one data directory.
export { type KafkaErrorName, LogError } from './log-error.ts';
export type { FileStatus, LogFile, LogFileSystem, OpenMode } from './log-file-system.ts';
export type {
  AppendResult,
  LogManager,
  OpenLogManagerOptions,
  PartitionLog,
  ProducerDescription,
  ReadResult,
  TopicConfig,
  TopicState,
} from './log-types.ts';
export { checkTopicName } from './names.ts';
export { nodeLogFileSystem } from './node-log-file-system.ts';
export { openLogManager } from './open-log-manager.ts';
export { builtInTopicConfig } from './topic-config.ts';
