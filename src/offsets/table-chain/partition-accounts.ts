import { addContentHashes } from '../../warehouse/index.ts';
import type { NotLanded, OffsetRun } from '../ledger-record.ts';
import { clipRuns, countOffsets, cutRuns, joinRuns, subtractRuns } from '../offset-intervals.ts';
import { partitionKey, type TableState } from './table-state.ts';

/** Offsets of one partition by what became of them. */
export interface OffsetClasses extends NotLanded {
  deduplicated: OffsetRun[];
  /** Rows of hours past the table's retention. */
  expired: OffsetRun[];
}

/**
 * What a table's chain says of the offsets of one partition, over and above the partition's own chain: ranges that were read
 * again (the newest account of an offset counts), rows left out as doubles, dead letters that became rows.
 */
export class PartitionAccounts {
  /** Offsets whose account is here and not in the partition's chain. */
  readonly covered: readonly OffsetRun[];
  readonly #classes: OffsetClasses;
  readonly #replayed: readonly OffsetRun[];
  readonly #retired: readonly Retired[];

  constructor(state: TableState, partition: { topicId: string; partition: number }) {
    const key = partitionKey(partition);
    let covered: OffsetRun[] = [];
    let classes: OffsetClasses = { ...nothing };
    let replayed: OffsetRun[] = [];
    let retired: Retired[] = [];
    const active = [...state.rewrites.values()].filter(({ isActive }) => isActive);
    for (const rewrite of active.sort((a, b) => a.sequence - b.sequence)) {
      for (const account of rewrite.accounts) {
        if (partitionKey(account) !== key) continue;
        const { first, next, notLanded } = account;
        covered = joinRuns(covered, [{ first, next }]);
        classes = mapClasses(classes, (runs) => cutRuns(runs, first, next));
        replayed = cutRuns(replayed, first, next);
        retired = retired.map((rows) => cutRetired(rows, first, next));
        classes = { ...joinClasses(classes, notLanded), deduplicated: classes.deduplicated };
      }
      const of = (all: typeof rewrite.replayed): OffsetRun[] =>
        all.filter((one) => partitionKey(one) === key).flatMap(({ runs }) => runs);
      classes.deduplicated = joinRuns(classes.deduplicated, of(rewrite.deduplicated));
      replayed = joinRuns(replayed, of(rewrite.replayed));
      for (const { runs, contentHash, ...place } of rewrite.expired) {
        if (partitionKey(place) === key) retired.push({ runs: [...runs], contentHash });
      }
    }
    const expired = retired.reduce<OffsetRun[]>((all, { runs }) => joinRuns(all, runs), []);
    this.covered = covered;
    this.#classes = { ...classes, expired };
    this.#replayed = replayed;
    this.#retired = retired;
  }

  /**
   * The rows of [first, next) that have expired: how many, and their content hash; null where only a part of what was taken out at
   * a time is meant, whose hash nobody knows any more.
   */
  expiredRows(first: bigint, next: bigint): { count: bigint; contentHash: string | null } {
    let count = 0n;
    let contentHash: string | null = '0'.repeat(32);
    for (const rows of this.#retired) {
      const inside = countOffsets(clipRuns(rows.runs, first, next));
      if (inside === 0n) continue;
      count += inside;
      const hash: string | null = inside === countOffsets(rows.runs) ? rows.contentHash : null;
      contentHash = contentHash === null || hash === null ? null : addContentHashes(contentHash, hash);
    }
    return { count, contentHash };
  }

  /** Dead letters that are rows now. */
  get replayed(): readonly OffsetRun[] {
    return this.#replayed;
  }

  /** Offsets covered here that are not within [first, next): a backfill brought them. */
  outside(first: bigint, next: bigint): OffsetRun[] {
    return cutRuns(this.covered, first, next);
  }

  /** The dead letters that the partition's chain knows of, without those that became rows or were read again. */
  ownDead(first: bigint, next: bigint, ledger: NotLanded): OffsetRun[] {
    return subtractRuns(this.resolve(first, next, ledger).dead, this.covered);
  }

  /** The classes of [first, next) as they are now, given what the partition's chain says of it. */
  resolve(first: bigint, next: bigint, ledger: NotLanded): OffsetClasses {
    const here = mapClasses(this.#classes, (runs) => clipRuns(runs, first, next));
    const covered = clipRuns(this.covered, first, next);
    const taken = joinRuns(covered, here.deduplicated);
    const rest = mapClasses({ ...nothing, ...ledger }, (runs) => subtractRuns(runs, taken));
    const { deduplicated, expired } = here;
    const classes = joinClasses(here, rest);
    return { ...classes, dead: subtractRuns(classes.dead, this.#replayed), deduplicated, expired };
  }
}

/** What one `retire` took out of the partition; without a hash when some of it was read again since. */
interface Retired {
  runs: OffsetRun[];
  contentHash: string | null;
}

function cutRetired({ runs, contentHash }: Retired, first: bigint, next: bigint): Retired {
  const left = cutRuns(runs, first, next);
  return { runs: left, contentHash: countOffsets(left) === countOffsets(runs) ? contentHash : null };
}

const nothing: OffsetClasses = { dead: [], filtered: [], control: [], gaps: [], deduplicated: [], expired: [] };

/** How many offsets of [first, next) are rows. */
export function landedCount(first: bigint, next: bigint, classes: OffsetClasses): bigint {
  const { dead, filtered, control, gaps, deduplicated, expired } = classes;
  return next - first - countOffsets([...dead, ...filtered, ...control, ...gaps, ...deduplicated, ...expired]);
}

function mapClasses(classes: OffsetClasses, map: (runs: OffsetRun[]) => OffsetRun[]): OffsetClasses {
  const { dead, filtered, control, gaps, deduplicated, expired } = classes;
  return {
    dead: map(dead),
    filtered: map(filtered),
    control: map(control),
    gaps: map(gaps),
    deduplicated: map(deduplicated),
    expired: map(expired),
  };
}

function joinClasses(a: NotLanded, b: NotLanded): OffsetClasses {
  return {
    dead: joinRuns(a.dead, b.dead),
    filtered: joinRuns(a.filtered, b.filtered),
    control: joinRuns(a.control, b.control),
    gaps: joinRuns(a.gaps, b.gaps),
    deduplicated: [],
    expired: [],
  };
}
