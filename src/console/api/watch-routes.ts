import { streamMatches } from '../../online/index.ts';
import { BadInputError } from '../../shared/index.ts';
import type { AuditAnswer, JobLogAnswer, JobsAnswer, RulesAnswer } from '../answers.ts';
import type { AuditTrail } from '../audit-trail.ts';
import type { ConsoleContext } from '../console-context.ts';
import type { EventHub } from '../live/event-hub.ts';
import type { Pulse } from '../live/pulse.ts';
import type { ConsoleRoute } from '../route.ts';

/** What goes on: the overview and its stream, jobs, rules and their matches, and what operators did. */
export function watchRoutes(
  context: ConsoleContext,
  { pulse, hub, trail }: { pulse: Pulse; hub: EventHub; trail: AuditTrail },
): ConsoleRoute[] {
  const { jobs, rules } = context;
  return [
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/overview$/,
      answer: () => {
        pulse.want();
        return { json: pulse.history() };
      },
    },
    {
      kind: 'stream',
      method: 'GET',
      pattern: /^\/api\/live$/,
      open: async (request, response, signal) => {
        pulse.want();
        await hub.open(request, response, signal);
      },
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/jobs$/,
      answer: async () => {
        const found = (await jobs?.list()) ?? { schedules: [], runs: [] };
        return { json: { isSetUp: jobs !== null, ...found } satisfies JobsAnswer };
      },
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/jobs\/([^/]+)\/log$/,
      answer: async ({ params }) => {
        const lines = (await jobs?.log(params[0]!)) ?? null;
        if (lines === null) throw new BadInputError(`expected the id of a run, got "${params[0]}"`);
        return { json: { lines: lines.slice(-2000) } satisfies JobLogAnswer };
      },
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/rules$/,
      answer: () => {
        const shown = { source: rules?.source ?? '', rules: [...(rules?.rules ?? [])] };
        return { json: { isSetUp: rules !== null, ...shown } satisfies RulesAnswer };
      },
    },
    {
      kind: 'stream',
      method: 'GET',
      pattern: /^\/api\/matches$/,
      open: async (request, response, signal) => {
        if (!rules) throw new BadInputError('no rules run here');
        await streamMatches(rules.feed, request, response, signal);
      },
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/audit$/,
      role: 'operator',
      answer: () => ({ json: { entries: [...trail.newest] } satisfies AuditAnswer }),
    },
  ];
}
