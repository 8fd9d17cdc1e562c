import { pino } from 'pino';

/** A structured logger; events are past-tense words (`SegmentRolled`), fields carry the units in their names. */
export interface Logger {
  debug(fields: object, event: string): void;
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
  child(fields: object): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Logs JSON lines to stderr, so that stdout stays for what a command prints. bigint fields become decimal strings. */
export function createLogger(level: LogLevel = 'info', bindings: object = {}): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => stringifyBigints(fields) },
    },
    pino.destination({ dest: 2, sync: true }),
  ).child(bindings);
}

function stringifyBigints(fields: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) out[key] = typeof value === 'bigint' ? value.toString() : value;
  return out;
}

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
