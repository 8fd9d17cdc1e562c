const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** 1234567 -> "1,234,567"; offsets come as decimal text and stay exact. */
export function count(value: number | string | null | undefined): string {
  if (value === null || value === undefined || value === '') return '–';
  return typeof value === 'number' ? whole.format(value) : whole.format(BigInt(value));
}

/** 1234567 -> "1.2M". */
export function compact(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–';
  if (Math.abs(value) < 10 && !Number.isInteger(value)) return value.toFixed(1);
  return Math.abs(value) < 10_000 ? whole.format(value) : short.format(value);
}

const units = ['B', 'KB', 'MB', 'GB', 'TB'];

export function bytes(value: number | string): string {
  let size = Number(value);
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}

/** 850 -> "0.9 s", 95000 -> "1 min 35 s", 3600000 -> "1 h". */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return inTwo(minutes, 'min', seconds % 60, 's');
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? inTwo(hours, 'h', minutes % 60, 'min') : inTwo(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function inTwo(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** Local time of the browser, to the second: "2026-11-21 18:04:09". */
export function dateTime(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || ms < 0) return '–';
  const at = new Date(ms);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** "18:04", of the browser. */
export function clockTime(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** "12 s ago", "4 min ago"; the whole time for what is older than two days. */
export function ago(ms: number | null | undefined, nowMs = Date.now()): string {
  if (ms === null || ms === undefined) return '–';
  const age = Math.max(0, nowMs - ms);
  if (age < 2000) return 'now';
  if (age >= 2 * 86_400_000) return dateTime(ms);
  if (age < 60_000) return `${Math.floor(age / 1000)} s ago`;
  const step = age < 3_600_000 ? 60_000 : 3_600_000;
  return `${duration(Math.floor(age / step) * step)} ago`;
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
