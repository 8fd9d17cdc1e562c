import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Clock, describeError } from '../../shared/index.ts';
import { SocialGame } from '../demo/social-game.ts';
import type { UpStatus } from './up-status.ts';

/** The part of a producer a feed needs. */
export interface FeedProducer {
  /** Resolves when there is room for more; delivery is reported through the callback given at construction. */
  send(topic: string, record: { key: string | null; value: string; timestamp: bigint }): Promise<unknown>;
}

export interface FeedOptions {
  topic: string;
  producer: FeedProducer;
  status: UpStatus;
  clock: Clock;
  signal: AbortSignal;
}

const tickMs = 100;

/** Plays the simulated games at the pace of the clock until the signal. A pause of the machine is caught up with. */
export async function feedGame(options: FeedOptions & { seed: number; eventsPerSecond: number }): Promise<void> {
  const { clock, signal } = options;
  const game = new SocialGame({ seed: options.seed, eventsPerSecond: options.eventsPerSecond });
  let fromMs = clock.nowMs();
  while (!signal.aborted) {
    await pause(clock, tickMs, signal);
    // At most a minute at once: after a long suspension the pending events must not fill the memory.
    const toMs = Math.min(clock.nowMs(), fromMs + 60_000);
    for (const event of game.advance(fromMs, toMs)) {
      if (signal.aborted) return;
      await deliver(options, event.key, event.value, event.deliverMs);
    }
    fromMs = toMs;
  }
}

/** Sends the lines of a file (NDJSON), at most `rate` a second; empty lines are passed over. */
export async function feedFile(options: FeedOptions & { path: string; rate: number }): Promise<void> {
  const { clock, signal } = options;
  const lines = createInterface({ input: createReadStream(options.path), crlfDelay: Number.POSITIVE_INFINITY });
  const startedMs = clock.monotonicMs();
  let count = 0;
  for await (const line of lines) {
    if (signal.aborted) return;
    if (line.trim() === '') continue;
    await deliver(options, null, line, clock.nowMs());
    const aheadMs = (++count / options.rate) * 1000 - (clock.monotonicMs() - startedMs);
    if (aheadMs > tickMs) await pause(clock, aheadMs, signal);
  }
}

async function deliver(options: FeedOptions, key: string | null, value: string, atMs: number): Promise<void> {
  const { producer, status, topic } = options;
  status.sentCount++;
  await producer.send(topic, { key, value, timestamp: BigInt(Math.floor(atMs)) });
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw new Error(describeError(error), { cause: error });
  }
}
