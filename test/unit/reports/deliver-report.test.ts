// Promises: a mail of a day goes out once, whatever is tried again; where nobody can know whether it went out, it is said and not repeated.
import { beforeEach, describe, expect, it } from 'vitest';
import { type DailyReport, deliverReport, type Mailer, type MailMessage } from '../../../src/reports/index.ts';
import { MailError } from '../../../src/reports/smtp-mailer.ts';
import { MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';

const report: DailyReport = {
  ...{ game: 'hh', title: 'Happy Hippo', date: '2025-11-20', weekday: 'Thursday', zone: 'UTC', dayHours: 24 },
  ...{ startMs: 0, endMs: 86_400_000, slices: { all: 'All networks', network: 'Facebook', others: 'Others' } },
  ...{ figures: [], notes: [], isComplete: true, madeAtMs: Date.parse('2025-11-21T05:00:00Z') },
  trend: [{ date: '2025-11-20', dau: { all: 1, network: 1, others: 0 }, newUsers: 0, retention: null, revenue: {} }],
  hours: { unit: 'hour', neededCount: 744, amendedCount: 0, missing: [] },
};

/** A post office that does what the test says next. */
class Post implements Mailer {
  readonly delivered: MailMessage[] = [];
  next: Error | null = null;
  rejects: string[] = [];

  async send(message: MailMessage): Promise<{ response: string; rejected: string[] }> {
    const error = this.next;
    this.next = null;
    if (error) throw error;
    this.delivered.push(message);
    return { response: '250 OK', rejected: this.rejects };
  }
}

let files: MemoryFiles;
let post: Post;

beforeEach(() => {
  files = new MemoryFiles(new MemoryDisk());
  post = new Post();
});

function deliver(options: { to?: string[]; resend?: boolean; date?: string } = {}) {
  const { to = ['a@example.com'], date = report.date, resend = false } = options;
  const from = 'Sluice <no-reply@example.com>';
  const delivery = { game: 'hh', date, zone: 'UTC', network: 'facebook', locale: 'de', from, to };
  const { signal } = new AbortController();
  return deliverReport({
    ...{ files, table: 'events', delivery, report: { ...report, date }, mailer: post, resend, signal },
  });
}

describe('the mail of a report', () => {
  it('goes out once, however often the job is run', async () => {
    expect(await deliver()).toEqual({ state: 'sent', note: null });
    expect(await deliver()).toEqual({ state: 'already-sent', note: null });
    expect(post.delivered.map(({ subject, to }) => [subject, to])).toEqual([
      ['Daily Happy Hippo report: 2025-11-20', ['a@example.com']],
    ]);
  });

  it('goes out again when that is asked for, under the same message id', async () => {
    await deliver();
    expect(await deliver({ resend: true })).toMatchObject({ state: 'sent' });
    const [first, second] = post.delivered;
    expect(second!.messageId).toBe(first!.messageId);
    expect(first!.messageId).toMatch(/^<daily-hh-2025-11-20-[0-9a-f]{16}@example\.com>$/);
  });

  it('goes to other people, and on other days, by itself', async () => {
    await deliver();
    expect(await deliver({ to: ['a@example.com', 'b@example.com'] })).toMatchObject({ state: 'sent' });
    expect(await deliver({ to: ['b@example.com', 'a@example.com'] })).toMatchObject({ state: 'already-sent' });
    expect(await deliver({ date: '2025-11-21' })).toMatchObject({ state: 'sent' });
    expect(post.delivered).toHaveLength(3);
  });

  it('that the server has refused is sent at the next try', async () => {
    post.next = new MailError(false, 'the mail was not sent: mail:25: 451 come again', undefined);
    await expect(deliver()).rejects.toThrow('451 come again');
    expect(await deliver()).toMatchObject({ state: 'sent' });
    expect(post.delivered).toHaveLength(1);
  });

  it('that may have been sent is not sent again, and says what to do', async () => {
    post.next = new MailError(
      true,
      'the mail server may or may not have taken it: mail:25: connection lost',
      undefined,
    );
    for (let i = 0; i < 3; i++) {
      const { state, note } = await deliver();
      expect(state).toBe('uncertain');
      expect(note).toMatch(
        /^the mail with the report of hh for 2025-11-20 may have been sent: process \d+ on \S+ began to send it at .+connection lost\. Look into the mailbox; to send it again, run the job with "resend": true$/,
      );
    }
    expect(post.delivered).toHaveLength(0);
    expect(await deliver({ resend: true })).toMatchObject({ state: 'sent' });
  });

  it('of a process that died while it sent is not sent again', async () => {
    post.next = new Error('the process died here');
    await expect(deliver()).rejects.toThrow('died');
    const { state, note } = await deliver();
    expect([state, note]).toEqual(['uncertain', expect.stringContaining('it has not said how that ended')]);
    expect(post.delivered).toHaveLength(0);
  });

  it('that some of its readers cannot get is sent to the others, and says so', async () => {
    post.rejects = ['gone@example.com'];
    const note = 'the mail server refused gone@example.com';
    expect(await deliver({ to: ['a@example.com', 'gone@example.com'] })).toEqual({ state: 'sent', note });
  });
});
