import { InvalidArgumentError } from 'commander';
import { bytesOf, durationMsOf } from '../shared/index.ts';

// Parsers for option values. They throw commander's InvalidArgumentError, which ends as one clear line and exit code 2.

/** "256MB", "64k", "1048576" -> bytes (units of 1024). */
export function parseBytes(text: string): number {
  const bytes = bytesOf(text);
  if (bytes === null) throw new InvalidArgumentError(`expected a size like 134217728, 128MB or 1GB, got "${text}"`);
  if (!Number.isSafeInteger(bytes) || bytes <= 0)
    throw new InvalidArgumentError(`expected a size above 0, got "${text}"`);
  return bytes;
}

/** "500ms", "60s", "5m", "2h", "1d" -> milliseconds. */
export function parseDuration(text: string): number {
  const ms = durationMsOf(text);
  if (ms === null) throw new InvalidArgumentError(`expected a duration like 500ms, 60s, 5m, 2h or 1d, got "${text}"`);
  return ms;
}

/** "2h" -> the epoch ms two hours ago; null for what is not a duration. */
export function parseAgo(text: string): number | null {
  return /^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text) ? Date.now() - parseDuration(text) : null;
}

/** 600000 -> "10m": what `parseDuration` reads back, in the largest unit without a fraction. */
export function writeDuration(ms: number): string {
  return inUnits(ms, { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 });
}

/** 16777216 -> "16MB": what `parseBytes` reads back. */
export function writeBytes(bytes: number): string {
  return inUnits(bytes, { GB: 1024 ** 3, MB: 1024 ** 2, KB: 1024, '': 1 });
}

function inUnits(value: number, units: Record<string, number>): string {
  const names = Object.keys(units);
  const unit = names.find((name) => value !== 0 && value % units[name]! === 0) ?? names.at(-1)!;
  return `${value / units[unit]!}${unit}`;
}

/** A whole number within [min, max]. */
export function parseInteger(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text.trim()) || !Number.isSafeInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(
        `expected a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? ' up' : ` to ${max}`}, got "${text}"`,
      );
    }
    return value;
  };
}

/** "a,b, c" -> ["a", "b", "c"]; empty items are an error. */
export function parseList(text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.some((item) => item === '')) throw new InvalidArgumentError(`expected a list like a,b,c, got "${text}"`);
  return items;
}

/** "127.0.0.1:9092" or "[::1]:9092" -> host and port; port 0 lets the system choose. */
export function parseHostPort(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text.trim());
  const port = match ? Number(match[3]) : Number.NaN;
  if (!match || port > 65_535) throw new InvalidArgumentError(`expected HOST:PORT like 127.0.0.1:9092, got "${text}"`);
  return { host: (match[1] ?? match[2])!, port };
}

/** "127.0.0.1:9092,other:9092" -> the list, each checked. */
export function parseBrokers(text: string): string[] {
  const items = parseList(text);
  for (const item of items) parseHostPort(item);
  return items;
}
