/** A line of any service, in one shape. */
export interface LogLine {
  at: string;
  host: string;
  level: 'error' | 'warn' | 'info';
  /** The request it speaks of: the same in all services that took part. */
  request: string | null;
  message: string;
}

type Parser = (text: string, host: string) => LogLine | null;

/** By the ending of the file's name. */
export const parsers: Record<string, Parser> = {
  '.access-log': accessLine,
  '.ndjson': jsonLine,
  '.syslog': syslogLine,
};

/** The line in our shape; null when it has not the form that its file's name promises. */
export function parseLine(file: string, text: string): LogLine | null {
  const ending = Object.keys(parsers).find((one) => file.endsWith(one));
  return ending ? parsers[ending]!(text, file.slice(0, -ending.length)) : null;
}

/** Combined log format with the request id behind it, as nginx and Apache write it. */
function accessLine(text: string, host: string): LogLine | null {
  const match = /^(\S+) \S+ \S+ \[([^\]]+)\] "([^"]*)" (\d{3}) \S+ "[^"]*" "[^"]*" (\S+)$/.exec(text);
  if (!match) return null;
  const [, client, time, request, status, id] = match as unknown as string[];
  const level = status! >= '500' ? 'error' : status! >= '400' ? 'warn' : 'info';
  return { at: accessTime(time!), host, level, request: id!, message: `${request} ${status} for ${client}` };
}

/** `20/Nov/2026:12:00:01 +0000` */
function accessTime(text: string): string {
  const [date, hours, minutes, seconds] = text.split(/[: ]/);
  const [day, month, year] = date!.split('/');
  return new Date(`${day} ${month} ${year} ${hours}:${minutes}:${seconds} ${text.split(' ')[1]}`).toISOString();
}

function jsonLine(text: string, host: string): LogLine | null {
  try {
    const { time, level, request = null, msg } = JSON.parse(text);
    return typeof time === 'string' && typeof msg === 'string'
      ? { at: time, host, level, request, message: msg }
      : null;
  } catch {
    return null;
  }
}

/** RFC 5424: the severity is the rest of the priority by 8. */
function syslogLine(text: string): LogLine | null {
  const match = /^<(\d+)>1 (\S+) (\S+) \S+ \S+ \S+ \S+ (?:(r-\w+) )?(.*)$/.exec(text);
  if (!match) return null;
  const severity = Number(match[1]) % 8;
  const level = severity <= 3 ? 'error' : severity <= 5 ? 'warn' : 'info';
  return {
    at: new Date(match[2]!).toISOString(),
    host: match[3]!,
    level,
    request: match[4] ?? null,
    message: match[5]!,
  };
}
