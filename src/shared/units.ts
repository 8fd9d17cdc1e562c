// Sizes and durations as people write them: on the command line, in settings, in contracts.

const byteFactors: Record<string, number> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
};

/** "256MB", "64k", "1048576" -> bytes (units of 1024); null: not a size. */
export function bytesOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?i?b?)$/i.exec(text.trim());
  const factor = match ? byteFactors[match[2]!.toLowerCase().replace('i', '')] : undefined;
  return match && factor !== undefined ? Math.round(Number(match[1]) * factor) : null;
}

const durationFactors: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "500ms", "60s", "5m", "2h", "1d" -> milliseconds; null: not a duration. */
export function durationMsOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim());
  return match ? Math.round(Number(match[1]) * durationFactors[match[2]!]!) : null;
}
