import { type Logger, stringifyJson } from '../src/shared/index.ts';

/** A logger that also hands every line of `info` and above, as one line of JSON, to whoever keeps the log of a run. */
export function lineLogger(logger: Logger, onLine: (line: string) => void, bindings: object = {}): Logger {
  const tell = (level: string, fields: object, event: string): void => {
    onLine(stringifyJson({ time: new Date().toISOString(), level, event, ...bindings, ...fields }));
  };
  return {
    debug: (fields, event) => logger.debug(fields, event),
    info: (fields, event) => {
      logger.info(fields, event);
      tell('info', fields, event);
    },
    warn: (fields, event) => {
      logger.warn(fields, event);
      tell('warn', fields, event);
    },
    error: (fields, event) => {
      logger.error(fields, event);
      tell('error', fields, event);
    },
    child: (fields) => lineLogger(logger.child(fields), onLine, { ...bindings, ...fields }),
  };
}
