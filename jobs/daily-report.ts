import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { closeHours } from '../src/hours/index.ts';
import { readLayout } from '../src/offsets/index.ts';
import {
  chooseTable,
  type DailyReport,
  DayCache,
  type DeliveryOutcome,
  defaultNetwork,
  deliverReport,
  knownDelivery,
  makeDailyReport,
  NumberFormat,
  ReportRefusedError,
  renderHtml,
  SmtpMailer,
  type SmtpSettings,
  yesterdayIn,
} from '../src/reports/index.ts';
import { BadInputError, describeError, systemClock } from '../src/shared/index.ts';
import type { WarehouseFiles } from '../src/warehouse/index.ts';
import { KafkaCluster, resolveReferences, systemSources } from '../src/wire/client/index.ts';
import type { JobContext, JobFlow } from './job-flow.ts';
import { dueMsOf } from './job-schedule.ts';
import { clusterInput, type JobResult, parseJobInput, tablesInput, usingTables } from './table-jobs.ts';

const gameSchema = z.union([
  z.string().transform((game) => ({ game, title: undefined, to: undefined })),
  z.strictObject({ game: z.string(), title: z.string().optional(), to: z.array(z.string()).min(1).optional() }),
]);

/** User and password may be references like `${env:SMTP_PASSWORD}`: they are read where the mail is sent, never kept with the job. */
const mailSchema = z.strictObject({
  host: z.string(),
  port: z.int().min(1).max(65_535).default(587),
  secure: z.boolean().optional(),
  requireTls: z.boolean().optional(),
  /** A PEM file: certificates that the server's may be signed with, instead of those that the system trusts. */
  ca: z.string().optional(),
  user: z.string().optional(),
  password: z.string().optional(),
  from: z.string(),
  to: z.array(z.string()).min(1),
});

const inputSchema = z.strictObject({
  warehouseUrl: tablesInput.warehouseUrl,
  user: tablesInput.user,
  /** Left out: the only one of the warehouse. */
  table: z.string().optional(),
  games: z.array(gameSchema).min(1),
  /** Left out: the day before the one on which the job was due, in the zone. */
  date: z.string().optional(),
  /** Left out: the table's. */
  zone: z.string().optional(),
  network: z.string().default(defaultNetwork),
  groupA: z.array(z.string()).optional(),
  timeField: z.string().default('ts'),
  locale: z.string().default('en'),
  /** How long to wait for the hours to be complete, and how often to look. */
  waitMs: z.int().min(0).default(7_200_000),
  pollMs: z.int().min(100).default(30_000),
  /** Named: the job closes the hours itself when it looks, with the ends of this log. Left out: the job close-hours does. */
  brokers: clusterInput.brokers.optional(),
  clientConfig: clusterInput.clientConfig,
  latenessMs: z.int().min(0).optional(),
  mail: mailSchema.optional(),
  /** A local folder that the pages are written to as well, `daily-<game>-<date>.html`. */
  out: z.string().optional(),
  /** A local folder where the days of the windows are kept from one report to the next, and what it may have. */
  cache: z.string().optional(),
  cacheBytes: z
    .int()
    .min(0)
    .default(1024 ** 3),
  /** Send mails again that were sent, or may have been. */
  resend: z.boolean().default(false),
});

export type DailyReportInput = z.infer<typeof inputSchema>;

interface DailyReportChild {
  input: DailyReportInput;
  table: string;
  game: DailyReportInput['games'][number];
  date: string;
  zone: string;
}

export interface GameReport {
  game: string;
  date: string;
  state: 'made' | 'refused' | 'skipped';
  /** Null: there is none to send. */
  mail: DeliveryOutcome['state'] | null;
  /** Why it was refused, or what is not as it should be with the mail. */
  reason: string | null;
}

export interface DailyReportResult extends JobResult {
  made: number;
  mailed: number;
  reports: GameReport[];
}

/**
 * The reports of a day, one child a game: waits until the hours are complete, makes the report, sends it. So it is chained behind
 * whatever loads the table by the state of the hours, not by a clock. A repeated child sends no mail twice.
 */
export const dailyReport: JobFlow<DailyReportInput, DailyReportChild, GameReport, DailyReportResult> = {
  name: 'daily-report',
  childAttempts: 5,

  parseInput(value) {
    const input = parseJobInput('daily-report', inputSchema, value);
    if (!input.mail && input.out === undefined) {
      throw new BadInputError('daily-report: expected mail (where to send the report) or out (where to write it)');
    }
    new NumberFormat(input.locale);
    return input;
  },

  async plan(input, context) {
    return await usingTables(input, 'read', context, async (files) => {
      const table = await chooseTable(files, input.table, context.signal);
      const zone = input.zone ?? (await readLayout(files, table, context.signal)).zone;
      // A run that is late, or begun again, still is about the day that it was due for.
      const date = input.date ?? yesterdayIn(zone, dueMsOf(context.jobId) ?? systemClock.nowMs());
      return input.games.map((game) => ({ step: game.game, data: { input, table, game, date, zone } }));
    });
  },

  runChild(child, context) {
    const access = child.input.mail || child.input.brokers ? 'write' : 'read';
    return usingTables(child.input, access, context, (files) => reportGame(files, child, context));
  },

  async finish(_input, reports, failures) {
    const bad = reports.filter(({ state, mail }) => state === 'refused' || mail === 'uncertain');
    const all = [...failures, ...bad.map(({ game, reason }) => ({ step: game, error: reason ?? 'refused' }))];
    const made = reports.filter(({ state }) => state === 'made').length;
    const mailed = reports.filter(({ mail }) => mail === 'sent').length;
    return { outcome: all.length > 0 ? 'failed' : 'complete', failures: all, made, mailed, reports };
  },
};

async function reportGame(files: WarehouseFiles, child: DailyReportChild, context: JobContext): Promise<GameReport> {
  const { input, table, date, zone, game: named } = child;
  const { network, locale, mail, out } = input;
  const { game } = named;
  const { signal, logger } = context;
  const delivery = mail && { game, date, zone, network, locale, from: mail.from, to: named.to ?? mail.to };
  const resend = input.resend && context.attempt === 1;
  if (delivery && !resend && out === undefined) {
    const known = await knownDelivery(files, table, delivery, signal);
    if (known) return { game, date, state: 'skipped', mail: known.state, reason: known.note };
  }
  const report = await reportWhenComplete(files, child, context);
  if (typeof report === 'string') {
    logger.warn({ game, date, reason: report }, 'ReportRefused');
    return { game, date, state: 'refused', mail: null, reason: report };
  }
  if (out !== undefined) await writePage(out, report, locale);
  if (!delivery) return { game, date, state: 'made', mail: null, reason: null };
  const mailer = new SmtpMailer(await smtpSettings(mail));
  const { state, note } = await deliverReport({ files, table, delivery, report, mailer, resend, signal });
  logger.info({ game, date, state, note }, 'ReportMailed');
  return { game, date, state: 'made', mail: state, reason: note };
}

async function smtpSettings(mail: z.infer<typeof mailSchema>): Promise<SmtpSettings> {
  const { host, port, secure, requireTls, user, password } = mail;
  const resolved = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : resolveReferences(text, systemSources);
  const ca = mail.ca === undefined ? undefined : await readCertificates(mail.ca);
  return { host, port, secure, requireTls, ca, user: resolved(user), password: resolved(password) };
}

async function readCertificates(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new BadInputError(`expected mail.ca to be a PEM file, cannot read ${path}: ${describeError(cause)}`, {
      cause,
    });
  }
}

/** The report, or why there is none after the wait. */
async function reportWhenComplete(
  files: WarehouseFiles,
  { input, table, game: { game, title }, date, zone }: DailyReportChild,
  context: JobContext,
): Promise<DailyReport | string> {
  const { signal, logger } = context;
  const { network, groupA, timeField, waitMs, pollMs } = input;
  const endMs = systemClock.monotonicMs() + waitMs;
  const { cache: folder, cacheBytes: maxBytes } = input;
  const cache = folder === undefined ? null : await DayCache.open({ folder, maxBytes, logger });
  for (let said = ''; ; ) {
    await closeHoursIfAsked(files, table, input, context);
    try {
      return await makeDailyReport({
        files,
        table,
        game,
        title,
        date,
        zone,
        network,
        groupA,
        timeField,
        cache,
        signal,
      });
    } catch (error) {
      if (!(error instanceof ReportRefusedError)) throw error;
      const leftMs = endMs - systemClock.monotonicMs();
      if (leftMs <= 0) return error.message;
      if (error.message !== said) logger.info({ game, date, reason: error.message }, 'ReportWaits');
      said = error.message;
      await systemClock.sleep(Math.min(pollMs, leftMs), signal);
    }
  }
}

async function closeHoursIfAsked(
  files: WarehouseFiles,
  table: string,
  { brokers, clientConfig, latenessMs }: DailyReportInput,
  { logger, signal }: JobContext,
): Promise<void> {
  if (!brokers) return;
  const cluster = new KafkaCluster({ brokers, clientConfig, clientId: 'sluice-daily-report', logger });
  try {
    await closeHours({ files, table, cluster, logger, signal, ...(latenessMs === undefined ? {} : { latenessMs }) });
  } catch (error) {
    signal.throwIfAborted();
    // The report may be possible all the same: whether it is, the hours say.
    logger.warn({ table, reason: describeError(error) }, 'HoursNotClosed');
  } finally {
    await cluster.close();
  }
}

async function writePage(folder: string, report: DailyReport, locale: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `daily-${encodeURIComponent(report.game)}-${report.date}.html`);
  await writeFile(`${path}.tmp`, renderHtml(report, new NumberFormat(locale), 'page'));
  await rename(`${path}.tmp`, path);
}
