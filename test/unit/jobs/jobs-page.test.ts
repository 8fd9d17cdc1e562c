import { describe, expect, it } from 'vitest';
import { jobsPage } from '../../../jobs/jobs-page.ts';

describe('the page of jobs', () => {
  it('escapes whatever it shows, loads nothing from elsewhere and holds no script', () => {
    const evil = `<script>alert('x')</script>"&`;
    const schedule = {
      name: evil,
      job: evil,
      cron: evil,
      zone: evil,
      overlap: 'skip',
      missed: 'skip',
      input: {},
    } as const;
    const pause = { by: evil, reason: evil, atMs: 0 };
    const state = { lastDueMs: null, lastRunId: evil, isRunning: false, pause, note: evil };
    const run = { id: evil, job: evil, state: 'failed', startedMs: 1, endedMs: 2, result: null, error: evil } as const;
    const page = jobsPage([{ schedule, state, nextDueMs: 0 }], [run]);
    expect(page).not.toContain('<script');
    expect(page).not.toMatch(/https?:\/\//);
    expect(page).toContain('&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;');
    expect(page.length).toBeLessThan(6000);
  });
});
