import { ValueError } from '../core/value-error.ts';

/**
 * How the time stands in a log line.
 *
 *   clf          21/Nov/2026:07:30:00 +0100   (Apache's %t and nginx's $time_local)
 *   iso8601      2026-11-21T07:30:00+01:00    (nginx's $time_iso8601), with or without a fraction; handed on as it is
 *   epoch-s      1795246200 or 1795246200.123 (nginx's $msec)
 *   epoch-ms     1795246200123
 */
export const timeLayouts = ['clf', 'iso8601', 'epoch-s', 'epoch-ms'] as const;
export type TimeLayout = (typeof timeLayouts)[number];

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const clf = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/;

/** RFC 3339 text of the time, as exact as it came. @throws ValueError `bad-time`. */
export function logTime(text: string, layout: TimeLayout): string {
  switch (layout) {
    case 'clf':
      return clfTime(text);
    case 'epoch-s':
      return epochTime(text, /^(-?\d{1,11})(?:\.(\d{1,9}))?$/.exec(text));
    case 'epoch-ms':
      return epochTime(text, /^(-?\d{1,11})(\d{3})$/.exec(text));
    case 'iso8601':
      return text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2');
  }
}

function clfTime(text: string): string {
  const match = clf.exec(text);
  const month = match ? months.indexOf(match[2]!) + 1 : 0;
  if (!match || month === 0) return fail(text, 'a time like 21/Nov/2026:07:30:00 +0100');
  const [, day, , year, hour, minute, second, sign, zoneHours, zoneMinutes] = match;
  const date = `${year}-${String(month).padStart(2, '0')}-${day}`;
  return `${date}T${hour}:${minute}:${second}.000${sign}${zoneHours}:${zoneMinutes}`;
}

/** Seconds and a fraction of them, both digits as they came. */
function epochTime(text: string, match: RegExpExecArray | null): string {
  const seconds = Number(match?.[1] ?? Number.NaN);
  const isTime = seconds >= 0 && seconds <= 253_402_300_799;
  if (!isTime) return fail(text, 'a time as seconds (or milliseconds) since 1970');
  const fraction = (match?.[2] ?? '').padEnd(3, '0');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

function fail(text: string, expected: string): never {
  throw new ValueError('bad-time', `expected ${expected}, came ${JSON.stringify(text.slice(0, 60))}`);
}
