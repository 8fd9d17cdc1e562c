import { larger, smaller } from '../shared/index.ts';
import type { ForeignPosition, ForeignRange } from './foreign-position.ts';

/** What many ranges cover together: from the lowest offset to the highest, holes and overlaps. At least one range. */
export function coverRanges(
  ranges: readonly ForeignRange[],
): ForeignRange & Pick<ForeignPosition, 'holes' | 'overlaps'> {
  const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const first = sorted[0]!.first;
  const holes: ForeignRange[] = [];
  const overlaps: ForeignRange[] = [];
  let next = first;
  for (const range of sorted) {
    if (range.first > next) holes.push({ first: next, next: range.first });
    if (range.first < next) addOverlap(overlaps, { first: range.first, next: smaller(range.next, next) });
    next = larger(range.next, next);
  }
  return { first, next, holes, overlaps };
}

/** Overlaps come in order of their first offset; those that touch become one. */
function addOverlap(overlaps: ForeignRange[], range: ForeignRange): void {
  const last = overlaps.at(-1);
  if (last && range.first <= last.next) last.next = larger(range.next, last.next);
  else overlaps.push(range);
}
