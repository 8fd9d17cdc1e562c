// Promises: "sluice report daily" prints the same report as a table, a page and JSON, and refuses with exit code 5; the job "daily-report"
// waits for the hours, mails the report through a real SMTP server once, and never twice, whatever dies on the way.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DailyReportResult, dailyReport } from '../../jobs/daily-report.ts';
import { InProcessScheduler } from '../../jobs/index.ts';
import { type MailMessage, SmtpMailer } from '../../src/reports/index.ts';
import { type Logger, silentLogger } from '../../src/shared/index.ts';
import { GameWarehouse, playGame } from '../support/game-warehouse.ts';
import { type MailCertificate, PostOffice } from '../support/post-office.ts';
import { type FinishedProcess, runSluice, withoutProgress } from '../support/sluice-process.ts';

const zone = 'Europe/Berlin';
const date = '2025-11-20';

let warehouse: GameWarehouse;
let folder: string;
let office: PostOffice;
let certificate: MailCertificate;

let port: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'daily-report-'));
  warehouse = await GameWarehouse.create({ zone, pathFormat: 'dt=yyyy-MM-dd' });
  const times = { fromMs: Date.parse(`${date}T00:00:00Z`) - 90_000_000, untilMs: Date.parse(`${date}T23:30:00Z`) };
  await warehouse.land(playGame({ seed: 11, eventsPerSecond: 0.2, players: 2000, ...times }));
  await warehouse.closeHours();
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=mail', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...made, ...names, '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'ca.pem')], {
    stdio: 'ignore',
  });
  certificate = { key: readFileSync(join(folder, 'key.pem')), cert: readFileSync(join(folder, 'ca.pem')) };
  process.env['SMTP_SECRET'] = 'open sesame';
  office = new PostOffice();
  port = await office.start();
}, 120_000);

afterAll(async () => {
  delete process.env['SMTP_SECRET'];
  await office?.close();
  await warehouse?.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  office.mails.length = 0;
  office.logins.length = 0;
  office.refusals = 0;
});

/** A day that is not over yet, in no zone. */
function tomorrow(): string {
  return new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
}

function daily(...args: string[]): Promise<FinishedProcess> {
  return runSluice(['report', 'daily', '--warehouse', warehouse.url, '--game', 'hh', ...args]);
}

function login(at: number): { host: string; port: number; from: string; user: string; password: string } {
  const password = '$' + '{env:SMTP_SECRET}';
  return { host: '127.0.0.1', port: at, from: 'Sluice <no-reply@example.com>', user: 'reports', password };
}

function inputFor(to: string, more: object = {}): object {
  const mail = { ...login(port), to: [to] };
  const games = [{ game: 'hh', title: 'Happy Hippo' }];
  return { warehouseUrl: warehouse.url, games, date, waitMs: 0, locale: 'de', mail, ...more };
}

async function job(to: string, more: object = {}): Promise<DailyReportResult> {
  const scheduler = new InProcessScheduler({ concurrency: 2 });
  try {
    return await scheduler.run(dailyReport, dailyReport.parseInput(inputFor(to, more)));
  } finally {
    await scheduler.close();
  }
}

describe('sluice report daily', () => {
  it('prints one report as a table, a page and JSON', async () => {
    const json = await daily('--date', date, '--format', 'json');
    expect([json.code, withoutProgress(json.stderr)]).toEqual([0, '']);
    const report = JSON.parse(json.stdout);
    expect(report).toMatchObject({ game: 'hh', date, zone, dayHours: 24, isComplete: true });
    const { value, previous } = report.figures.find(({ name }: { name: string }) => name === 'dau').values.all;
    expect(value).toBeGreaterThan(50);
    expect(previous).toBeGreaterThan(50);

    const table = await daily('--date', date, '--locale', 'de');
    expect(table.stdout).toMatch(
      /^Daily hh report: 2025-11-20\nThursday, 00:00 to 24:00 in Europe\/Berlin \(24 hours\)/,
    );
    expect(table.stdout).toMatch(new RegExp(`^Daily active users \\(DAU\\) +day +${value} +[+-]\\d+,\\d`, 'm'));

    const file = join(folder, 'report.html');
    const html = await daily('--date', date, '--format', 'html', '--title', 'Happy Hippo', '--out', file);
    expect([html.code, html.stdout]).toEqual([0, `wrote ${file}\n`]);
    const page = readFileSync(file, 'utf8');
    expect(page).toContain('<h1>Daily Happy Hippo report: 2025-11-20</h1>');
    expect(page).toContain(`<b>${value}</b>`);
    expect(readdirSync(folder).filter((name) => name.includes('report'))).toEqual(['report.html']);
  });

  it('is refused with the reason and exit code 5 while the day is not complete', async () => {
    const refused = await daily('--date', tomorrow(), '--zone', 'UTC');
    expect([refused.code, refused.stdout]).toEqual([5, '']);
    expect(refused.stderr).toMatch(
      /^sluice: the report of \S+ needs \d+ days of the table, of which .+ not complete: /,
    );
  });

  it('refuses a table that is not there as bad input, in one line', async () => {
    const { code, stdout, stderr } = await daily('--date', date, '--table', 'clicks');
    expect([code, stdout, stderr]).toEqual([2, '', 'sluice: expected a table "clicks"; the warehouse has events\n']);
  });
});

describe('the job daily-report', () => {
  it('mails the report as HTML and as plain text, once', async () => {
    expect(await job('manager@example.com', { out: join(folder, 'pages') })).toEqual({
      ...{ outcome: 'complete', failures: [], made: 1, mailed: 1 },
      reports: [{ game: 'hh', date, state: 'made', mail: 'sent', reason: null }],
    });
    const [mail] = office.mails;
    expect(office.mails).toHaveLength(1);
    expect(office.logins).toEqual(['reports:open sesame']);
    expect(mail!.subject).toBe('Daily Happy Hippo report: 2025-11-20');
    expect(mail!.from).toMatchObject({ name: 'Sluice', address: 'no-reply@example.com' });
    expect(mail!.to).toMatchObject([{ address: 'manager@example.com' }]);
    expect(mail!.text).toContain('Daily active users (DAU)');
    expect(mail!.html).toContain('<h1>Daily Happy Hippo report: 2025-11-20</h1>');
    expect(mail!.html).not.toContain('<svg');
    expect(mail!.attachments.map(({ filename, mimeType }) => [filename, mimeType])).toEqual([
      ['daily-hh-2025-11-20.html', 'text/html'],
    ]);
    expect(readFileSync(join(folder, 'pages', 'daily-hh-2025-11-20.html'), 'utf8')).toContain('<svg');
    expect((await job('manager@example.com')).reports).toMatchObject([{ state: 'skipped', mail: 'already-sent' }]);
    expect(office.mails).toHaveLength(1);
  });

  it.each([
    ['STARTTLS', false],
    ['TLS from the first byte', true],
  ])('logs in and sends through %s to a server whose certificate it was told to trust', async (_name, isSecure) => {
    const safe = new PostOffice(certificate, isSecure);
    try {
      const tls = { ...login(await safe.start()), ca: join(folder, 'ca.pem'), secure: isSecure, requireTls: true };
      const to = `tls-${isSecure}@example.com`;
      expect((await job(to, { mail: { ...tls, to: [to] } })).reports).toMatchObject([{ mail: 'sent' }]);
      expect([safe.encrypted, safe.logins]).toEqual([[true], ['reports:open sesame']]);
      expect(safe.mails[0]!.subject).toBe('Daily Happy Hippo report: 2025-11-20');
    } finally {
      await safe.close();
    }
  });

  it('neither logs in nor sends where TLS is wanted and there is none that can be trusted, or with a wrong password', async () => {
    const safe = new PostOffice(certificate);
    const mailer = (more: object, at: number): SmtpMailer =>
      new SmtpMailer({ ...login(at), password: 'open sesame', ...more });
    const mail: MailMessage = {
      ...{ from: 'a@example.com', to: ['b@example.com'], subject: 's', text: 't', html: 'h', attachments: [] },
      ...{ messageId: '<1@example.com>', date: new Date() },
    };
    const { signal } = new AbortController();
    try {
      const at = await safe.start();
      const ca = readFileSync(join(folder, 'ca.pem'), 'utf8');
      await expect(mailer({}, at).send(mail, signal)).rejects.toThrow(/the mail was not sent: .*certificate/);
      await expect(mailer({ requireTls: true }, port).send(mail, signal)).rejects.toThrow(
        /the mail was not sent: .*STARTTLS/,
      );
      expect([safe.logins, office.logins]).toEqual([[], []]);
      const stranger = mailer({ ca, password: 'guess' }, at).send(mail, signal);
      await expect(stranger).rejects.toMatchObject({ isUncertain: false, isRetriable: true });
      expect([safe.mails, safe.logins]).toEqual([[], ['reports:guess']]);
    } finally {
      await safe.close();
    }
  });

  it('tries again when the server refuses, and sends one mail', async () => {
    office.refusals = 1;
    expect((await job('later@example.com')).reports).toMatchObject([{ mail: 'sent' }]);
    expect(office.mails.map(({ to }) => to?.[0])).toMatchObject([{ address: 'later@example.com' }]);
  });

  it('killed when the mail was out sends none a second time, and says so', async () => {
    const args = ['jobs', 'run', 'daily-report', '--input', JSON.stringify(inputFor('once@example.com')), '--json'];
    const killed = await runSluice(args, { env: { SLUICE_FAULT: 'report.mail-sent=kill' } });
    expect(killed.code).not.toBe(0);
    expect(office.mails).toHaveLength(1);
    const again = await job('once@example.com');
    expect(again).toMatchObject({ outcome: 'failed', reports: [{ state: 'skipped', mail: 'uncertain' }] });
    expect(again.failures[0]!.error).toMatch(
      /may have been sent: process \d+ on \S+ began to send it at \S+, and it has not said how that ended/,
    );
    expect(office.mails).toHaveLength(1);
    expect((await job('once@example.com', { resend: true })).outcome).toBe('complete');
    expect(office.mails).toHaveLength(2);
    expect(new Set(office.mails.map(({ messageId }) => messageId)).size).toBe(1);
  });

  it('sends nothing for a day that is not complete, and fails with the reason', async () => {
    expect(await job('early@example.com', { date: tomorrow() })).toMatchObject({
      outcome: 'failed',
      failures: [{ step: 'hh', error: expect.stringContaining('not complete') }],
      reports: [{ state: 'refused', mail: null }],
    });
    expect(office.mails).toEqual([]);
  });

  it('waits until the hours are complete', async () => {
    const late = await GameWarehouse.create();
    const scheduler = new InProcessScheduler({ concurrency: 1 });
    try {
      await late.land([JSON.stringify({ ts: `${date}T10:00:00Z`, type: 'login', game: 'hh', user_id: 1 })]);
      let made: Promise<DailyReportResult> | undefined;
      const waits = new Promise<void>((resolve) => {
        const logger: Logger = {
          ...silentLogger,
          info: (_fields, happened) => void (happened === 'ReportWaits' && resolve()),
          child: () => logger,
        };
        const out = join(folder, 'late');
        const input = { warehouseUrl: late.url, games: ['hh'], date, waitMs: 600_000, pollMs: 100, out };
        made = scheduler.run(dailyReport, dailyReport.parseInput(input), { logger });
      });
      await waits;
      await late.closeHours();
      expect(await made).toMatchObject({ outcome: 'complete', reports: [{ state: 'made', mail: null }] });
    } finally {
      await scheduler.close();
      await late.close();
    }
  });

  it('wants to know where to send the report, or where to write it', () => {
    expect(() => dailyReport.parseInput(inputFor('x@example.com', { mail: undefined }))).toThrow(
      'daily-report: expected mail (where to send the report) or out (where to write it)',
    );
  });
});
