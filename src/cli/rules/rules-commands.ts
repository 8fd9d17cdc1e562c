import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import {
  backtestRules,
  explainRule,
  formatRules,
  MatchFeed,
  type MatchRecord,
  parseRules,
  RuleError,
  type RulesReport,
  type RunRulesOptions,
  runRules,
} from '../../online/index.ts';
import { BadInputError, createLogger, systemClock } from '../../shared/index.ts';
import { type ClusterFlags, withCluster } from '../kafka/with-cluster.ts';
import { usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, formatCount, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { DashboardServer } from './dashboard-server.ts';

export interface CheckFlags {
  json?: boolean;
}

export interface RunFlags extends ClusterFlags {
  history?: string;
  table?: string;
  user?: string;
  topics: string[];
  typeField: string;
  timeField?: string;
  fromEnd?: boolean;
  untilEnd?: boolean;
  idle: number;
  state?: string;
  checkpointEvery: number;
  maxState: number;
  redis?: string;
  dashboard?: { host: string; port: number };
  json?: boolean;
}

async function readProgram(file: string): Promise<string> {
  if (file === '-') return await readAll(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new BadInputError(`expected a file with rules, got ${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** An error of the language is shown as it is, with the place it speaks of: several lines. */
async function explaining(file: string, work: (program: string) => Promise<number> | number): Promise<number> {
  const program = await readProgram(file);
  try {
    return await work(program);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    process.stderr.write(`${file === '-' ? 'standard input' : file}: ${error.message}\n`);
    return exitCodes.badInput;
  }
}

export function checkRules(file: string, flags: CheckFlags): Promise<number> {
  return explaining(file, (program) => {
    try {
      const rules = parseRules(program);
      if (flags.json) printJson({ ok: true, rules: rules.map(({ name }) => name) });
      else
        process.stdout.write(
          `${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}: ${rules.map(({ name }) => name).join(', ')}\n`,
        );
      return exitCodes.complete;
    } catch (error) {
      if (!flags.json || !(error instanceof RuleError)) throw error;
      const { position, problem, hint } = error;
      printJson({ ok: false, line: position.line, column: position.column, problem, hint });
      return exitCodes.badInput;
    }
  });
}

export function explainRules(file: string): Promise<number> {
  return explaining(file, (program) => {
    const rules = parseRules(program);
    process.stdout.write(`${rules.map((rule) => explainRule(rule, program)).join('\n\n')}\n`);
    return exitCodes.complete;
  });
}

export function printFormatted(file: string): Promise<number> {
  return explaining(file, (program) => {
    process.stdout.write(formatRules(parseRules(program)));
    return exitCodes.complete;
  });
}

export interface BacktestFlags extends WarehouseOptions {
  typeField: string;
  timeField?: string;
  maxState: number;
}

export function backtestCommandOf(file: string, table: string, flags: BacktestFlags): Promise<number> {
  return explaining(file, async (program) => {
    parseRules(program);
    const { signal } = stopSignal();
    const report = await usingWarehouse(flags, 'read', (files) =>
      backtestRules({
        program,
        files,
        table,
        typeField: flags.typeField,
        timeField: flags.timeField ?? null,
        maxStateBytes: flags.maxState,
        onMatch: (record) => process.stdout.write(`${flags.json ? JSON.stringify(record) : lineOf(record)}\n`),
        signal,
      }),
    );
    process.stderr.write(`${summaryOf(report)}\n`);
    return exitCodes.complete;
  });
}

/** Runs `work` with the warehouse of --history opened, or with none. */
async function withHistory<T>(flags: RunFlags, work: (history: RunRulesOptions['history']) => Promise<T>): Promise<T> {
  if (flags.history === undefined) {
    if (flags.table !== undefined) throw new BadInputError('expected --history URL with --table');
    return await work(null);
  }
  const name = flags.table ?? (flags.topics.length === 1 ? flags.topics[0] : undefined);
  if (name === undefined) throw new BadInputError('expected --table NAME with --history and several topics');
  const user = flags.user === undefined ? {} : { user: flags.user };
  return await usingWarehouse({ warehouse: flags.history, ...user }, 'read', (files) => work({ files, table: name }));
}

/** How much of what was found is kept for those who come later. */
const dashboardBytes = 4 * 1024 * 1024;

/** Runs `work` while matches are shown at --dashboard, or are not. */
async function withDashboard<T>(
  address: RunFlags['dashboard'],
  work: (feed: MatchFeed | null) => Promise<T>,
): Promise<T> {
  if (!address) return await work(null);
  const feed = new MatchFeed({ maxBytes: dashboardBytes, id: randomUUID().slice(0, 8) });
  const server = await DashboardServer.start({ ...address, feed, logger: createLogger('warn', { part: 'rules' }) });
  process.stderr.write(`dashboard at ${server.url}\n`);
  try {
    return await work(feed);
  } finally {
    await server.close();
  }
}

export function runRulesCommand(file: string, flags: RunFlags): Promise<number> {
  return explaining(file, async (program) => {
    parseRules(program); // a wrong program needs no cluster to be told so
    const { signal } = stopSignal();
    const report = await withDashboard(flags.dashboard, (dashboard) =>
      withCluster(flags, (cluster) =>
        withHistory(flags, (history) =>
          runRules({
            history,
            program,
            cluster,
            topics: flags.topics,
            typeField: flags.typeField,
            timeField: flags.timeField ?? null,
            from: flags.fromEnd ? 'end' : 'beginning',
            untilEnd: flags.untilEnd ?? false,
            idleMs: flags.idle,
            stateFolder: flags.state ?? null,
            checkpointEveryMs: flags.checkpointEvery,
            maxStateBytes: flags.maxState,
            redisUrl: flags.redis ?? null,
            dashboard,
            onMatch: (record) => process.stdout.write(`${flags.json ? JSON.stringify(record) : lineOf(record)}\n`),
            onRunning: (partitions) =>
              process.stderr.write(`running ${file} on ${partitions} partitions of ${flags.topics.join(', ')}\n`),
            clock: systemClock,
            logger: createLogger('warn', { part: 'rules' }),
            signal,
          }),
        ),
      ),
    );
    process.stderr.write(`${summaryOf(report)}\n`);
    return exitCodes.complete;
  });
}

function lineOf({ rule, action, key, at, events, parameters }: MatchRecord): string {
  const places = events.map(({ topic, partition, offset }) => `${topic}/${partition}@${offset}`).join(' ');
  const name = rule === action ? action : `${action} (${rule})`;
  const told = parameters ? ` ${JSON.stringify(parameters)}` : '';
  return `${at}  ${name}${key === null ? '' : ` for ${JSON.stringify(key)}`}${told}  ${places}`;
}

function summaryOf({ events, matches, skipped, late, droppedRuns }: RulesReport): string {
  const notes = [
    ...(skipped > 0 ? [`${formatCount(skipped)} records are no events`] : []),
    ...(late > 0 ? [`${formatCount(late)} too late`] : []),
    ...(droppedRuns > 0 ? [`${formatCount(droppedRuns)} beginnings given up`] : []),
  ];
  return `${formatCount(events)} events, ${formatCount(matches)} matches${notes.length > 0 ? `, ${notes.join(', ')}` : ''}`;
}
