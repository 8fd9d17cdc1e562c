// RFC 3164, which describes what was found in use: <PRI>Mmm dd hh:mm:ss HOST TAG[PID]: MESSAGE, all of it optional.
import type { ParsedSyslog } from './syslog-event.ts';

const priorityPart = /^<(\d{1,3})>/;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const oldTime =
  /^(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}(\d{1,2})(?: (\d{4}))? (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))? /;
/** As rsyslog and syslog-ng write it when they are asked for precise times. */
const newTime = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) /;
const hostPart = /^([A-Za-z0-9._:-]{1,255}) /;
const tagPart = /^([^\s:[\]]{1,128})(?:\[([^\]\s]{0,128})\])?: ?/;

/** Never null: what cannot be understood is the message, whole. `nowMs` tells the year, which the format leaves out; its times are in the zone of this process. */
export function parseRfc3164(text: string, nowMs: number): ParsedSyslog {
  const priority = priorityPart.exec(text);
  const hasPriority = priority !== null && Number(priority[1]) <= 191;
  const parsed: ParsedSyslog = {
    format: hasPriority ? 'rfc3164' : 'unknown',
    priority: hasPriority ? Number(priority[1]) : null,
    ...{ timeMs: null, host: null, app: null, pid: null, messageId: null, data: null },
    message: hasPriority ? text.slice(priority[0].length) : text,
  };
  if (!hasPriority) return parsed;
  const time = readTime(parsed.message, nowMs);
  if (time) {
    parsed.timeMs = time.timeMs;
    parsed.message = parsed.message.slice(time.length);
    readHost(parsed);
  }
  readTag(parsed);
  return parsed;
}

function readTime(text: string, nowMs: number): { timeMs: number; length: number } | null {
  const precise = newTime.exec(text);
  if (precise) {
    const timeMs = Date.parse(precise[1]!);
    return Number.isNaN(timeMs) ? null : { timeMs, length: precise[0].length };
  }
  const match = oldTime.exec(text);
  if (!match) return null;
  const [, month, day, year, hour, minute, second, fraction] = match;
  const ms = Math.floor(Number(`0.${fraction ?? 0}`) * 1000);
  const inYear = (of: number): number =>
    new Date(of, months.indexOf(month!), Number(day), Number(hour), Number(minute), Number(second), ms).getTime();
  return { timeMs: year === undefined ? nearest(inYear, nowMs) : inYear(Number(year)), length: match[0].length };
}

/** The year that brings the time closest to now: a message of December may come in January. */
function nearest(inYear: (year: number) => number, nowMs: number): number {
  const year = new Date(nowMs).getFullYear();
  const candidates = [inYear(year - 1), inYear(year), inYear(year + 1)];
  return candidates.reduce((best, one) => (Math.abs(one - nowMs) < Math.abs(best - nowMs) ? one : best));
}

function readHost(parsed: ParsedSyslog): void {
  // A word that ends with a colon is a tag: some programs leave the host out.
  const host = hostPart.exec(parsed.message);
  if (!host || host[1]!.endsWith(':')) return;
  parsed.host = host[1]!;
  parsed.message = parsed.message.slice(host[0].length);
}

function readTag(parsed: ParsedSyslog): void {
  const tag = tagPart.exec(parsed.message);
  if (!tag) return;
  parsed.app = tag[1]!;
  parsed.pid = tag[2] || null;
  parsed.message = parsed.message.slice(tag[0].length);
}
