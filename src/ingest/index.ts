// The door of what takes events in, besides Kafka clients: HTTP, syslog, and files that are followed. All of it writes with acks=all.
export { EventWriter, type EventWriterOptions, type WrittenEvent } from './event-writer.ts';
export { type ApiToken, addToken, newApiToken, TokenFile } from './http/api-tokens.ts';
export { browserScript } from './http/browser-script.ts';
export { defaultIngestLimits, type IngestLimits } from './http/http-call.ts';
export { defaultIdempotencyWindowMs, HttpIngest, type HttpIngestOptions } from './http/http-ingest.ts';
export { IngestServer } from './http/ingest-server.ts';
export { createKeysTopic } from './http/shared-keys.ts';
export { IngestMetrics } from './ingest-metrics.ts';
export { SyslogServer, type SyslogServerOptions } from './syslog/syslog-server.ts';
export { runTail, type TailOptions, type TailReport } from './tail/run-tail.ts';
