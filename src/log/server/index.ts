export { checkAddress, KafkaServer, type ServerCounters } from './kafka-server.ts';
export { RequestRefusedError } from './request-refused-error.ts';
export type { Caller, RequestService } from './server-connection.ts';
export { defaultServerLimits, type ServerLimits } from './server-limits.ts';
