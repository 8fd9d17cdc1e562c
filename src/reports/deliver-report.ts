import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { z } from 'zod';
import { decodeSealedJson, encodeSealedJson, NumberedFiles } from '../offsets/index.ts';
import { describeError, faultPoint, SluiceError } from '../shared/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import type { DailyReport } from './daily-report.ts';
import { NumberFormat } from './number-format.ts';
import { renderHtml } from './render-html.ts';
import { renderText } from './render-text.ts';
import { MailError, type Mailer, type MailMessage } from './smtp-mailer.ts';

/**
 * Mail is sent at most once: a mark `sending` is written into the warehouse before the mail server is asked, and `sent` behind its yes.
 * Whoever finds `sending` cannot know, and says so instead of sending again (docs/reports.md, "Mail").
 * Marks are `<table>/_sluice/reports/<delivery>/<number, 10 digits>.json`, the highest number counts.
 */
const markFormatVersion = 1;

const markSchema = z.strictObject({
  formatVersion: z.literal(markFormatVersion),
  state: z.enum(['sending', 'sent', 'not-sent', 'uncertain']),
  /** Epoch ms by the warehouse's clock. */
  atMs: z.number(),
  by: z.string(),
  messageId: z.string(),
  note: z.string(),
});

type Mark = z.infer<typeof markSchema>;

/** One report to one set of people; another set, or another layout of it, is another delivery. */
export interface Delivery {
  game: string;
  date: string;
  zone: string;
  network: string;
  locale: string;
  from: string;
  to: readonly string[];
}

export interface DeliveryOptions {
  files: WarehouseFiles;
  table: string;
  delivery: Delivery;
  report: DailyReport;
  mailer: Mailer;
  /** Send although it was sent, or may have been. */
  resend?: boolean;
  signal: AbortSignal;
}

/** What became of a delivery. `uncertain`: nobody knows whether the mail went out, so it is not sent again. */
export interface DeliveryOutcome {
  state: 'sent' | 'already-sent' | 'uncertain';
  /** For people: why it is uncertain, or whom the server refused while it took others; null: nothing to say. */
  note: string | null;
}

/** What is known of a delivery before anything is done; null: it is to be sent. */
export async function knownDelivery(
  files: WarehouseFiles,
  table: string,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<DeliveryOutcome | null> {
  const latest = await new MarkBook(files, table, delivery, signal).latest();
  return outcomeOf(delivery, latest?.mark);
}

/** @throws MailError when it could not be sent. */
export async function deliverReport(options: DeliveryOptions): Promise<DeliveryOutcome> {
  const { files, table, delivery, mailer, resend = false, signal } = options;
  const marks = new MarkBook(files, table, delivery, signal);
  const latest = await marks.latest();
  const known = outcomeOf(delivery, latest?.mark);
  if (known && !resend) return known;
  const number = (latest?.number ?? 0) + 1;
  await marks.write(number, 'sending', '');
  faultPoint('report.mail-marked');
  try {
    const { rejected } = await mailer.send(messageOf(options, marks.messageId), signal);
    faultPoint('report.mail-sent');
    const note = rejected.length > 0 ? `the mail server refused ${rejected.join(', ')}` : '';
    await marks.write(number + 1, 'sent', note);
    return { state: 'sent', note: note || null };
  } catch (error) {
    if (!(error instanceof MailError)) throw error;
    const mark = await marks.write(number + 1, error.isUncertain ? 'uncertain' : 'not-sent', describeError(error));
    const outcome = outcomeOf(delivery, mark);
    if (outcome) return outcome;
    throw error;
  }
}

function outcomeOf({ game, date }: Delivery, mark: Mark | undefined): DeliveryOutcome | null {
  if (!mark || mark.state === 'not-sent') return null;
  if (mark.state === 'sent') return { state: 'already-sent', note: null };
  const why = mark.note || 'it has not said how that ended';
  const note = `the mail with the report of ${game} for ${date} may have been sent: ${mark.by} began to send it at ${new Date(mark.atMs).toISOString()}, and ${why}. Look into the mailbox; to send it again, run the job with "resend": true`;
  return { state: 'uncertain', note };
}

/** The subject is as short as a list of mails is narrow. */
export function subjectOf({ title, date, isComplete }: DailyReport): string {
  return `Daily ${title} report: ${date}${isComplete ? '' : ' (preliminary)'}`;
}

function messageOf({ report, delivery }: DeliveryOptions, messageId: string): MailMessage {
  const { from, to, locale } = delivery;
  const format = new NumberFormat(locale);
  const filename = `daily-${report.game}-${report.date}.html`;
  const page = renderHtml(report, format, 'page');
  return {
    ...{ from, to, messageId, subject: subjectOf(report), date: new Date(report.madeAtMs) },
    text: renderText(report, format),
    html: renderHtml(report, format, 'mail'),
    // With the charts as they should look, for a browser.
    attachments: [{ filename, content: page, contentType: 'text/html; charset=utf-8' }],
  };
}

function nameOf({ game, date, zone, network, locale, to }: Delivery): string {
  const facts = JSON.stringify([game, date, zone, network, locale, [...to].sort()]);
  const hash = createHash('sha256').update(facts).digest('hex').slice(0, 16);
  return `daily-${game.replaceAll(/[^A-Za-z0-9_-]/g, '_')}-${date}-${hash}`;
}

function domainOf(from: string): string {
  return /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? 'localhost';
}

class MarkBook {
  readonly #files: WarehouseFiles;
  readonly #numbered: NumberedFiles;
  readonly #signal: AbortSignal;
  readonly messageId: string;

  constructor(files: WarehouseFiles, table: string, delivery: Delivery, signal: AbortSignal) {
    const { system } = new TablePaths(table);
    const name = nameOf(delivery);
    this.#files = files;
    this.#numbered = new NumberedFiles(files, {
      folder: `${system}/reports/${name}`,
      temporary: `${system}/tmp`,
    });
    this.messageId = `<${name}@${domainOf(delivery.from)}>`;
    this.#signal = signal;
  }

  async latest(): Promise<{ number: number; mark: Mark } | null> {
    const latest = await this.#numbered.latest(this.#signal);
    if (!latest) return null;
    const parsed = markSchema.safeParse(decodeSealedJson(latest.bytes));
    if (parsed.success) return { number: latest.number, mark: parsed.data };
    throw new SluiceError('unreadable-mark', `${latest.path}: ${parsed.error.issues[0]!.message}`);
  }

  async write(number: number, state: Mark['state'], note: string): Promise<Mark> {
    const atMs = await this.#files.nowMs({ signal: this.#signal });
    const by = `process ${process.pid} on ${hostname()}`;
    const mark: Mark = { formatVersion: markFormatVersion, state, atMs, by, messageId: this.messageId, note };
    if (await this.#numbered.publish(number, encodeSealedJson(mark), this.#signal)) return mark;
    throw new SluiceError('mail-contended', `somebody else is sending the mail ${this.messageId}: looking again`, {
      isRetriable: true,
    });
  }
}
