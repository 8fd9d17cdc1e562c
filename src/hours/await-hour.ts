import { BadInputError, type Clock, systemClock } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import { type HourAnswer, HourBook } from './hour-book.ts';

export interface AwaitHourOptions {
  files: WarehouseFiles;
  table: string;
  /** `2026-11-20T23` on the table's wall clock, or an instant within it with a zone. */
  hour: string;
  /** 0: look once. */
  timeoutMs: number;
  /** Between two looks. Default 5 s. */
  pollMs?: number;
  clock?: Clock;
  /** Called when what the hour waits for has changed. */
  onWait?: (reason: string) => void;
  signal?: AbortSignal;
}

/** `answer` is null when the table has not been loaded yet at the end of the time. */
export interface AwaitHourResult {
  isReady: boolean;
  /** One line for people; null when the hour is ready. */
  reason: string | null;
  answer: HourAnswer | null;
}

const defaultPollMs = 5000;

/**
 * Waits until an hour is complete and its manifest visible. A table that is not there yet is waited for, too: a report may be
 * scheduled before the first load. Throws BadInputError for an hour that no clock of the table's zone ever shows.
 */
export async function awaitHour(options: AwaitHourOptions): Promise<AwaitHourResult> {
  const { files, table, hour, timeoutMs, pollMs = defaultPollMs, clock = systemClock, signal, onWait } = options;
  const call = signal ? { signal } : {};
  const endMs = clock.monotonicMs() + timeoutMs;
  let book: HourBook | null = null;
  let said: string | null = null;
  for (;;) {
    book ??= await HourBook.open(files, table, { clock, ...call });
    if (book === null) checkHourText(hour);
    const answer = book === null ? null : await book.look(book.times.parse(hour), signal);
    if (answer?.isReady) return { isReady: true, reason: null, answer };
    const reason = answer?.reason ?? `there is no table ${table} in this warehouse yet`;
    const leftMs = endMs - clock.monotonicMs();
    // What has expired does not come back by waiting.
    if (leftMs <= 0 || answer?.status === 'expired') return { isReady: false, reason, answer };
    if (reason !== said) onWait?.(reason);
    said = reason;
    await clock.sleep(Math.min(pollMs, leftMs), signal);
  }
}

/** As far as it can be checked without the table's zone. */
function checkHourText(hour: string): void {
  if (/^\d{4}-\d\d-\d\d(T\d\d((:\d\d){0,2}(Z|[+-]\d\d:\d\d))?)?$/.test(hour)) return;
  throw new BadInputError(`expected an hour like 2026-11-20T23, or a day like 2026-11-20, got "${hour}"`);
}
