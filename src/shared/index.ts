export { abortScope, anyOf } from './abort-scope.ts';
export { larger, smaller } from './bigints.ts';
export { type Clock, ManualClock, systemClock } from './clock.ts';
export { BadInputError, describeError, isAbortError, SluiceError } from './errors.ts';
export { faultPoint } from './fault-point.ts';
export { stringifyJson } from './json.ts';
export { createLogger, type Logger, type LogLevel, silentLogger } from './logger.ts';
