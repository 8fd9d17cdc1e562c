import { setMaxListeners } from 'node:events';

/** A controller for the life of something: many waits hang on its one signal, which Node would report as a leak. */
export function abortScope(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** As AbortSignal.any, for a signal that many waits hang on. */
export function anyOf(...signals: AbortSignal[]): AbortSignal {
  const signal = AbortSignal.any(signals);
  setMaxListeners(0, signal);
  return signal;
}
