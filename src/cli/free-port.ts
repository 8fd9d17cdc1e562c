import { BadInputError } from '../shared/index.ts';

/** Where to listen. `isDefault`: nobody chose the port, so another one may be taken. */
export interface ListenChoice {
  host: string;
  port: number;
  isDefault: boolean;
}

/** What was asked for, or `port` of this machine. */
export function listenChoice(chosen: { host: string; port: number } | undefined, port: number): ListenChoice {
  return chosen ? { ...chosen, isDefault: false } : { host: '127.0.0.1', port, isDefault: true };
}

/** Two clusters on one machine serve the same things: the second one on a free port, when nobody asked for a certain one. */
export async function onFreePort<T>(
  { host, port, isDefault }: ListenChoice,
  start: (listen: { host: string; port: number }) => Promise<T>,
): Promise<T> {
  try {
    return await start({ host, port });
  } catch (error) {
    const cause = error instanceof BadInputError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (!isDefault || cause?.code !== 'EADDRINUSE') throw error;
    return await start({ host, port: 0 });
  }
}
