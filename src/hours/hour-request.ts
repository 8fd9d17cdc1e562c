import { BadInputError, type Clock, stringifyJson } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import { awaitHour } from './await-hour.ts';

/** `GET /v1/tables/T/hours/2026-11-20T23?wait=60s`, taken apart. */
export interface HourRequest {
  table: string;
  hour: string;
  /** `60s`, `5m`; left out: answer at once. */
  wait?: string | undefined;
}

export interface HourResponse {
  /** 200 the hour is complete; 409 it is not; 404 no such table; 400 a wrong hour or wait. */
  status: 200 | 400 | 404 | 409;
  /** JSON. */
  body: string;
}

/** Longer than proxies keep a silent connection open. */
const maxWaitMs = 300_000;
const unitsMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000 };

/**
 * `sluice await` over HTTP. The body of 200 and 409 has `table`, `hour`, `state` (`open`, `closed`, `complete`, `amended`), `isReady`,
 * `revision`, `manifest` (relative to the table), `from` and `until` (RFC 3339, `until` exclusive), `reason` and `lags`.
 */
export async function answerHourRequest(
  request: HourRequest,
  context: { files: WarehouseFiles; clock?: Clock; pollMs?: number },
  signal?: AbortSignal,
): Promise<HourResponse> {
  const { table, hour, wait } = request;
  try {
    const timeoutMs = wait === undefined ? 0 : parseWait(wait);
    const { isReady, reason, answer } = await awaitHour({
      ...{ ...context, table, hour, timeoutMs },
      ...(signal ? { signal } : {}),
    });
    if (answer === null) return respond(404, { error: 'no-such-table', reason });
    const { status: state, startMs, endMs, sinceMs, revision, manifest, zone, lags } = answer;
    const times = { from: iso(startMs), until: iso(endMs), since: sinceMs === null ? null : iso(sinceMs) };
    const facts = { table, hour: answer.hour, zone, state, isReady, revision, manifest, ...times, reason, lags };
    return respond(isReady ? 200 : 409, facts);
  } catch (error) {
    if (!(error instanceof BadInputError)) throw error;
    return respond(400, { error: 'bad-request', reason: error.message });
  }
}

function parseWait(text: string): number {
  const match = /^(\d{1,6})(ms|s|m)$/.exec(text);
  const waitMs = match ? Number(match[1]) * unitsMs[match[2]!]! : Number.NaN;
  if (waitMs <= maxWaitMs) return waitMs;
  throw new BadInputError(`expected a wait like 60s, at most ${maxWaitMs / 1000}s, got "${text}"`);
}

function respond(status: HourResponse['status'], body: object): HourResponse {
  return { status, body: `${stringifyJson(body)}\n` };
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
