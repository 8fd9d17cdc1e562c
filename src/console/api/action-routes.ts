import { closeHours, defaultLatenessMs } from '../../hours/index.ts';
import { listTables } from '../../offsets/index.ts';
import { controlPartition, rollNow } from '../../operation/index.ts';
import { BadInputError } from '../../shared/index.ts';
import type { AuditTrail } from '../audit-trail.ts';
import type { ConsoleContext, ConsoleJobs } from '../console-context.ts';
import type { LedgerSight } from '../live/ledger-look.ts';
import type { SharedLook } from '../live/shared-look.ts';
import { type ConsoleRequest, type ConsoleRoute, textOf } from '../route.ts';

type Body = Record<string, unknown>;

/** Who does it and why: what every action is told. */
interface Said {
  by: string;
  reason: string;
}

interface Action {
  /** What of the body says on what it is done; also what the trail keeps. Throws BadInputError. */
  target(body: Body): Record<string, unknown>;
  run(target: Record<string, unknown>, said: Said, signal: AbortSignal): Promise<unknown>;
}

/** Everything an operator can do here. Each is `POST /api/actions/<name>` with a target and a reason, and leaves two lines in the trail. */
export function actionRoutes(
  context: ConsoleContext,
  { trail, ledger }: { trail: AuditTrail; ledger: SharedLook<LedgerSight> },
): ConsoleRoute[] {
  const actions = actionsOf(context);
  return [
    {
      kind: 'action',
      method: 'POST',
      pattern: /^\/api\/actions\/([a-z-]+)$/,
      answer: async (request) => {
        const result = await act(actions, trail, request, context.signal);
        ledger.forget();
        return { json: { result } };
      },
    },
  ];
}

async function act(actions: Record<string, Action>, trail: AuditTrail, request: ConsoleRequest, signal: AbortSignal) {
  const [name] = request.params as [string];
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action) throw new BadInputError(`expected one of the actions ${Object.keys(actions).join(', ')}, got "${name}"`);
  const reason = textOf(request.body, 'reason', 500);
  const target = action.target(request.body);
  const { person } = request.caller;
  const said = { by: `${person.name}@console`, reason };
  // Once begun it goes on, also when the browser is closed: hence the signal of the console, not of the request.
  return await trail.around({ action: name, target, reason, from: request.from, person }, () =>
    action.run(target, said, signal),
  );
}

function actionsOf(context: ConsoleContext): Record<string, Action> {
  return {
    ...partitionActions(context),
    'close-hours': closeAction(context),
    ...(context.jobs ? jobActions(context, context.jobs) : {}),
  };
}

function partitionActions(context: ConsoleContext): Record<string, Action> {
  const control = (action: 'pause' | 'resume'): Action => ({
    target: (body) => ({ table: textOf(body, 'table', 300), partition: partitionOf(body) }),
    run: async ({ table, partition }, said, signal) => {
      const files = await context.warehouse('write');
      return await controlPartition(files, table as string, partition as number, { action, ...said }, signal);
    },
  });
  const roll: Action = {
    target: (body) => ({
      table: textOf(body, 'table', 300),
      partition: body['partition'] == null ? null : partitionOf(body),
    }),
    run: async ({ table, partition }, _said, signal) => {
      const files = await context.warehouse('write');
      return await rollNow(files, context.cluster, table as string, (partition as number | null) ?? undefined, signal);
    },
  };
  return { pause: control('pause'), resume: control('resume'), roll };
}

function closeAction(context: ConsoleContext): Action {
  return {
    target: (body) => ({ table: textOf(body, 'table', 300) }),
    run: async ({ table }, _said, signal) => {
      const files = await context.warehouse('write');
      if (!(await listTables(files, signal)).includes(table as string))
        throw new BadInputError(`expected an existing table, got "${String(table)}"`);
      const { cluster, logger, clock } = context;
      const options = { files, table: table as string, cluster, latenessMs: defaultLatenessMs, clock, logger, signal };
      const { closed, completed, revised, waiting } = await closeHours(options);
      return { closed, completed, revised, waiting: waiting.slice(0, 50) };
    },
  };
}

function jobActions({ clock }: ConsoleContext, jobs: ConsoleJobs): Record<string, Action> {
  const target = (body: Body) => ({ schedule: textOf(body, 'schedule', 200) });
  return {
    'run-job': { target, run: async ({ schedule }) => await jobs.run(schedule as string) },
    'pause-job': {
      target,
      run: async ({ schedule }, said) => await jobs.setPause(schedule as string, { ...said, atMs: clock.nowMs() }),
    },
    'resume-job': { target, run: async ({ schedule }) => await jobs.setPause(schedule as string, null) },
  };
}

function partitionOf(body: Body): number {
  const partition = body['partition'];
  if (typeof partition === 'number' && Number.isInteger(partition) && partition >= 0) return partition;
  throw new BadInputError('expected "partition" in the body, a whole number from 0 up');
}
