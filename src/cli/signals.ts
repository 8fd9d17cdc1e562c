import { abortScope } from '../shared/index.ts';

/**
 * Aborts on SIGINT and SIGTERM, so that a command can stop in good order; a second signal ends the process at once with
 * the code a shell expects (128 + signal number).
 */
export function stopSignal(): { signal: AbortSignal; received: () => NodeJS.Signals | null } {
  const controller = abortScope();
  let received: NodeJS.Signals | null = null;
  const onSignal = (name: NodeJS.Signals): void => {
    if (received) process.exit(name === 'SIGINT' ? 130 : 143);
    received = name;
    controller.abort(new Error(`stopped by ${name}`));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return { signal: controller.signal, received: () => received };
}
