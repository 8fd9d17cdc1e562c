import { describe, expect, it } from 'vitest';
import type { Logger } from '../../../../src/shared/index.ts';
import { TroubleLog } from '../../../../src/wire/client/trouble-log.ts';

function recording(): { lines: string[]; log: TroubleLog; advance: (ms: number) => void } {
  const lines: string[] = [];
  let nowMs = 0;
  const write = (level: string) => (fields: object, event: string) => {
    lines.push(`${level} ${event} ${JSON.stringify(fields)}`);
  };
  const logger = { warn: write('warn'), info: write('info'), debug: () => {} } as unknown as Logger;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep: async () => {} };
  return { lines, log: new TroubleLog(logger, clock), advance: (ms) => (nowMs += ms) };
}

describe('trouble', () => {
  it('is one line when it begins and one when it ends, however often it is met in between', () => {
    const { lines, log, advance } = recording();
    for (let i = 0; i < 100; i++, advance(1000)) log.failed('FetchFailed', ['t-0'], new Error('refused'));
    log.recovered('FetchRecovered', 't-0');
    log.recovered('FetchRecovered', 't-0');
    expect(lines).toEqual([
      'warn FetchFailed {"names":["t-0"],"error":"refused"}',
      'info FetchRecovered {"name":"t-0","afterMs":100000}',
    ]);
  });

  it('names only those that were well before, and begins anew for what was forgotten', () => {
    const { lines, log } = recording();
    log.failed('FetchFailed', ['t-0'], new Error('x'));
    log.failed('FetchFailed', ['t-0', 't-1'], new Error('y'));
    log.forget('t-0');
    log.failed('FetchFailed', ['t-0', 't-1'], new Error('z'));
    expect(lines.map((line) => line.slice(16))).toEqual([
      ' {"names":["t-0"],"error":"x"}',
      ' {"names":["t-1"],"error":"y"}',
      ' {"names":["t-0"],"error":"z"}',
    ]);
  });
});
