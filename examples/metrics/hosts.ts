/** One measurement, as a host sends it. */
export interface Point {
  host: string;
  metric: 'requests' | 'errors' | 'latency_ms';
  value: number;
  /** Epoch milliseconds, by the clock of the host. */
  atMs: number;
}

export const startMs = Date.UTC(2026, 10, 20, 12);
const everyMs = 10_000;
const minutes = 10;

/**
 * Ten minutes of three web servers, a point of each metric every ten seconds. web-2 has a bad time in minutes 4 to 6, and the
 * points of web-3 come a quarter of a minute late, as they do when its network is busy. In the order in which they are sent.
 */
export function points(): Point[] {
  const sent: { point: Point; sentMs: number }[] = [];
  for (let atMs = startMs; atMs < startMs + minutes * 60_000; atMs += everyMs) {
    for (const [index, host] of ['web-1', 'web-2', 'web-3'].entries()) {
      const tick = (atMs - startMs) / everyMs;
      const minute = Math.floor(tick / 6);
      const isIll = host === 'web-2' && minute >= 4 && minute <= 6;
      const requests = 200 + 10 * index + (tick % 6);
      const values = {
        requests,
        errors: isIll ? Math.round(requests * 0.4) : tick % 6 === 0 ? 1 : 0,
        latency_ms: (isIll ? 900 : 40) + 3 * (tick % 6) + index,
      };
      const sentMs = atMs + (host === 'web-3' ? 15_000 : 0);
      for (const [metric, value] of Object.entries(values)) {
        sent.push({ point: { host, metric: metric as Point['metric'], value, atMs }, sentMs });
      }
    }
  }
  return sent.sort((a, b) => a.sentMs - b.sentMs).map(({ point }) => point);
}
