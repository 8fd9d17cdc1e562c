/** A syslog message as the JSON event that is written; docs/formats.md says what each field is. */
export interface SyslogEvent {
  /** RFC 3339, UTC: the message's own time, else when it was received. */
  ts: string;
  type: 'syslog';
  format: 'rfc5424' | 'rfc3164' | 'unknown';
  facility: string | null;
  severity: string | null;
  host: string | null;
  app: string | null;
  pid: string | null;
  message_id: string | null;
  /** RFC 5424: by SD-ID, the parameters; a parameter that is there several times is an array. */
  data: Record<string, Record<string, string | string[]>> | null;
  message: string;
  received: string;
  /** Address of the sender. */
  from: string;
  /** The message was longer than what is kept. */
  truncated?: true;
}

export const facilities: readonly string[] = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['ntp', 'audit', 'alert', 'clock', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
];

export const severities: readonly string[] = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];

/** What a parser found in a message. */
export interface ParsedSyslog {
  format: SyslogEvent['format'];
  /** 0 to 191; null: none. */
  priority: number | null;
  /** Epoch milliseconds; null: none, or none that can be understood. */
  timeMs: number | null;
  host: string | null;
  app: string | null;
  pid: string | null;
  messageId: string | null;
  data: SyslogEvent['data'];
  message: string;
}

export interface Reception {
  atMs: number;
  from: string;
  isTruncated: boolean;
}

export function syslogEvent(parsed: ParsedSyslog, { atMs, from, isTruncated }: Reception): SyslogEvent {
  const { format, priority, host, app, pid, messageId, data, message } = parsed;
  const received = new Date(atMs).toISOString();
  return {
    ts: parsed.timeMs === null ? received : new Date(parsed.timeMs).toISOString(),
    type: 'syslog',
    format,
    facility: priority === null ? null : (facilities[priority >> 3] ?? null),
    severity: priority === null ? null : severities[priority & 7]!,
    host,
    app,
    pid,
    message_id: messageId,
    data,
    message,
    received,
    from,
    ...(isTruncated ? { truncated: true as const } : {}),
  };
}
