import type { Logger } from '../shared/index.ts';

/** A warning that a part gave, in its own words. */
export interface Notice {
  event: string;
  reason: string;
}

/** A logger that also tells of warnings and errors with a reason: what a part retries inside of itself shows nowhere else. */
export function noticingLogger(logger: Logger, onNotice: (notice: Notice) => void): Logger {
  const notice = (fields: object, event: string): void => {
    const { reason } = fields as { reason?: unknown };
    if (typeof reason === 'string') onNotice({ event, reason });
  };
  return {
    debug: (fields, event) => logger.debug(fields, event),
    info: (fields, event) => logger.info(fields, event),
    warn: (fields, event) => {
      logger.warn(fields, event);
      notice(fields, event);
    },
    error: (fields, event) => {
      logger.error(fields, event);
      notice(fields, event);
    },
    child: (fields) => noticingLogger(logger.child(fields), onNotice),
  };
}
