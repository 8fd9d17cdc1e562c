import { parseRfc3164 } from './parse-rfc3164.ts';
import { parseRfc5424 } from './parse-rfc5424.ts';
import { type Reception, type SyslogEvent, syslogEvent } from './syslog-event.ts';

/** Any bytes at all become an event: what is not UTF-8 is read as Latin-1, what is no syslog is a message without the rest. */
export function parseSyslog(bytes: Buffer, reception: Reception): SyslogEvent {
  const text = textOf(withoutLineEnd(bytes));
  return syslogEvent(parseRfc5424(text) ?? parseRfc3164(text, reception.atMs), reception);
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Buffer): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

function withoutLineEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d || bytes[end - 1] === 0)) end--;
  return bytes.subarray(0, end);
}
