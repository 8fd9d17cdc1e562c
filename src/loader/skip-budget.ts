import { PartitionStoppedError } from './partition-claim.ts';

/** Below this many records a share says little. */
const leastRecords = 100;

export interface RefusedShare {
  landedCount: bigint;
  deadCount: bigint;
  deadCodes: ReadonlyMap<string, number>;
}

/**
 * Bad data goes to the dead letters; a wrong setting must not send a whole topic there. Throws PartitionStoppedError, before
 * anything of the roll is committed, when the share of refused records is beyond the budget, or when not one record has
 * the field that is configured as the event time.
 */
export function checkSkipBudget(
  roll: RefusedShare,
  limits: { topic: string; partition: number; skipBudget: number; timeField: string | null; hasLanded: boolean },
): void {
  const { topic, partition, skipBudget, timeField, hasLanded } = limits;
  const dead = Number(roll.deadCount);
  const total = dead + Number(roll.landedCount);
  if (total < leastRecords) return;
  if (!hasLanded && timeField !== null && roll.deadCodes.get('missing-time') === total) {
    throw new PartitionStoppedError(
      'wrong-setting',
      `${topic}-${partition}: expected the event time in field "${timeField}", but not one of the first ${total} records has it; ` +
        'nothing was committed, correct --time-field',
    );
  }
  if (dead / total <= skipBudget) return;
  const codes = [...roll.deadCodes].map(([code, count]) => `${count} ${code}`).join(', ');
  throw new PartitionStoppedError(
    'skip-budget-spent',
    `${topic}-${partition}: ${dead} of ${total} records cannot be loaded (${codes}), more than the skip budget of ${skipBudget}; ` +
      'nothing of them was committed, correct the settings or raise --skip-budget',
  );
}
