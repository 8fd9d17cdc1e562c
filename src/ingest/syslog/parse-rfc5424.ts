// RFC 5424: <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]
import type { ParsedSyslog, SyslogEvent } from './syslog-event.ts';

const header = /^<(\d{1,3})>1 (\S{1,64}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32})(?= |$)/;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const BACKSLASH = '\\';

/** Null when the text is none of this format; what follows a header is never lost, be it as the message. */
export function parseRfc5424(text: string): ParsedSyslog | null {
  const match = header.exec(text);
  if (!match || Number(match[1]) > 191) return null;
  const [, priority, time, host, app, pid, messageId] = match;
  const rest = text.slice(match[0].length + 1);
  const structured = parseStructuredData(rest);
  return {
    format: 'rfc5424',
    priority: Number(priority),
    timeMs: rfc3339.test(time!) ? timeOf(time!) : null,
    host: textOrNull(host!),
    app: textOrNull(app!),
    pid: textOrNull(pid!),
    messageId: textOrNull(messageId!),
    data: structured?.data ?? null,
    message: withoutMark(structured ? rest.slice(structured.end) : rest),
  };
}

function timeOf(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

/** "-" stands for nothing. */
function textOrNull(text: string): string | null {
  return text === '-' ? null : text;
}

function withoutMark(message: string): string {
  return message.startsWith('\ufeff') ? message.slice(1) : message;
}

/** The elements at the beginning, and where the message begins behind them; null when they are not well formed. */
function parseStructuredData(text: string): { data: SyslogEvent['data']; end: number } | null {
  if (/^-( |$)/.test(text)) return { data: null, end: 2 };
  const data: NonNullable<SyslogEvent['data']> = Object.create(null);
  let at = 0;
  while (text[at] === '[') {
    const id = /^[^\s="\]]{1,32}/.exec(text.slice(at + 1, at + 34))?.[0];
    if (id === undefined) return null;
    const element = parseElement(text, at + 1 + id.length);
    if (!element) return null;
    data[id] = Object.assign(data[id] ?? Object.create(null), element.parameters);
    at = element.end;
  }
  if (at === 0 || (at < text.length && text[at] !== ' ')) return null;
  return { data, end: at + 1 };
}

function parseElement(
  text: string,
  start: number,
): { parameters: Record<string, string | string[]>; end: number } | null {
  const parameters: Record<string, string | string[]> = Object.create(null);
  let at = start;
  while (text[at] === ' ') {
    const name = /^[^\s="\]]{1,32}(?==")/.exec(text.slice(at + 1, at + 36))?.[0];
    if (name === undefined) return null;
    const value = readQuoted(text, at + 1 + name.length + 2);
    if (!value) return null;
    const former = parameters[name];
    if (former === undefined) parameters[name] = value.text;
    else if (typeof former === 'string') parameters[name] = [former, value.text];
    else former.push(value.text);
    at = value.end;
  }
  return text[at] === ']' ? { parameters, end: at + 1 } : null;
}

/** Up to the closing quote; a backslash stands before a quote, a backslash or a bracket, and for itself elsewhere. */
function readQuoted(text: string, start: number): { text: string; end: number } | null {
  const parts: string[] = [];
  let from = start;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '"') return { text: parts.join('') + text.slice(from, at), end: at + 1 };
    if (character === BACKSLASH && /["\\\]]/.test(text[at + 1] ?? '')) {
      parts.push(text.slice(from, at));
      from = ++at;
    }
  }
  return null;
}
