/** What became of one of the two tables. */
export interface DaysTable {
  /** How many of the hours are in each state. */
  hours: Record<string, number>;
  /** Hours that got late records after they were complete, and are not amended. */
  notAmended: string[];
  rows: number;
  files: number;
  /** Bytes of the smallest file, the one in the middle, and the largest. */
  bytes: { smallest: number; median: number; largest: number; total: number };
  auditClean: boolean;
}

export interface DaysReport {
  seed: number;
  events: number;
  hours: number;
  outages: Record<string, number>;
  /** Events that came after their hour was complete, and the hours of each table that had to be amended for them. */
  late: { events: number; continuous: number; nightly: number };
  /** Records appended and not committed by the continuous load, looked at once an hour, before what was broken is healed. */
  lag: { median: number; largest: number };
  nightlyOutcomes: Record<string, number>;
  seconds: number;
  continuous: DaysTable;
  nightly: DaysTable;
}

const tables = ['continuous', 'nightly'] as const;

/** What was promised and does not hold, in words; empty when all of it does. */
export function brokenPromises(report: DaysReport): string[] {
  const broken: string[] = [];
  for (const name of tables) {
    const { hours, rows, auditClean, notAmended } = report[name];
    const ready = (hours['complete'] ?? 0) + (hours['amended'] ?? 0);
    if (ready !== report.hours)
      broken.push(`${name}: ${report.hours - ready} hours are not complete: ${JSON.stringify(hours)}`);
    if (notAmended.length > 0) broken.push(`${name}: late records did not amend ${notAmended.join(', ')}`);
    if (rows !== report.events) broken.push(`${name}: ${rows} rows of ${report.events} events`);
    if (!auditClean) broken.push(`${name}: the audit found differences`);
  }
  const failed = Object.keys(report.nightlyOutcomes).filter((outcome) => outcome !== 'complete');
  return [...broken, ...failed.map((outcome) => `a nightly load ended ${outcome}`)];
}

/** The report for people. */
export function describeDays(report: DaysReport): string[] {
  const list = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ') || 'none';
  const { seed, hours, events, seconds, late, lag } = report;
  return [
    `${hours} hours of the game, ${events} events, seed ${seed}, played in ${seconds} s`,
    `outages: ${list(report.outages)}`,
    `late: ${late.events} events for hours that were complete`,
    `nightly loads: ${list(report.nightlyOutcomes)}`,
    `lag of the continuous load: median ${lag.median} records, largest ${lag.largest}`,
    ...tables.flatMap((name) => {
      const { hours: states, rows, files, bytes, auditClean } = report[name];
      const [smallest, median, largest, total] = [bytes.smallest, bytes.median, bytes.largest, bytes.total].map(kib);
      return [
        `${name}: hours ${list(states)}; audit ${auditClean ? 'clean' : 'NOT clean'}`,
        `${name}: ${rows} rows in ${files} files, ${total}; smallest ${smallest}, median ${median}, largest ${largest}`,
      ];
    }),
  ];
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
