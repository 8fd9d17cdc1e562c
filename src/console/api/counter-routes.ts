import { minuteMs } from '../../online/index.ts';
import { describeError } from '../../shared/index.ts';
import type { CountersAnswer } from '../answers.ts';
import type { ConsoleContext, ConsoleCounters } from '../console-context.ts';
import type { LogSight } from '../live/log-look.ts';
import type { Pulse } from '../live/pulse.ts';
import { SharedLook } from '../live/shared-look.ts';
import type { ConsoleRoute } from '../route.ts';

const shownMinutes = 60;
const maxLines = 5000;
const maxAgeMs = 2000;
const noneLeftOut = { late: 0, future: 0, unusable: 0 };

/** The counters of the games by minute: those in Redis, exact, where there are some; else what the console counts itself. */
export function counterRoutes(
  context: ConsoleContext,
  { pulse, log }: { pulse: Pulse; log: SharedLook<LogSight> },
): ConsoleRoute[] {
  const { counters, clock, signal } = context;
  const look = (): Promise<CountersAnswer> => counted(context, counters, pulse, log);
  const shared = new SharedLook({ look, clock, maxAgeMs, signal });
  return [
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/counters$/,
      answer: async () => {
        pulse.want();
        return { json: await shared.get() };
      },
    },
  ];
}

async function counted(
  { clock }: ConsoleContext,
  counters: ConsoleCounters | null,
  pulse: Pulse,
  log: SharedLook<LogSight>,
): Promise<CountersAnswer> {
  const own = (problem: string | null): CountersAnswer => ({
    ...{ source: 'log', place: 'counted here, reading along with the log', problem },
    ...{ minutes: pulse.minutes(), positions: [], leftOut: noneLeftOut },
  });
  if (!counters) return own(null);
  try {
    const { store, place } = counters;
    if ((await store.settings()) === null) {
      return own(`there are no counters at ${place} yet: "sluice stats --redis URL" begins them`);
    }
    const nowMs = clock.nowMs();
    const toMs = nowMs - (nowMs % minuteMs) + minuteMs;
    const found = await store.snapshot({ fromMs: toMs - shownMinutes * minuteMs, toMs });
    const ends = endsOf(await log.get());
    return {
      ...{ source: 'redis', place, problem: null, leftOut: found.leftOut, minutes: found.rows.slice(-maxLines) },
      positions: found.positions.map(({ topic, partition, next }) => {
        return { topic, partition, next, end: ends.get(`${topic}/${partition}`) ?? null };
      }),
    };
  } catch (error) {
    return own(describeError(error));
  }
}

function endsOf({ topics }: LogSight): Map<string, bigint> {
  return new Map(
    topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partition, end }) => [`${name}/${partition}`, end] as const),
    ),
  );
}
