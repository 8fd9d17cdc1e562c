import type { RuleEvent } from './rule-event.ts';
import { absorbing, type RuleMemory } from './rule-memory.ts';

/** Ends a run that has matched; of AT LEAST it stays and keeps others from beginning. */
export function endMatched(memory: RuleMemory, run: number): void {
  if (memory.plan.isAbsorbing) memory.absorb(run);
  else memory.dropRun(run);
}

/** Ends the runs of the key that the policy forbids after a match whose last event it was. */
export function skipAfter(memory: RuleMemory, key: number, last: RuleEvent): void {
  if (memory.plan.rule.afterMatch === 'no-skip') return;
  const { runs } = memory.shared.pools;
  for (let run = memory.firstRun(key); run !== 0; ) {
    const next = runs.nextOfKey(run);
    if (runs.step(run) !== absorbing && isSkipped(memory, run, last)) memory.dropRun(run);
    run = next;
  }
}

/** Whether the policy forbids a run that began where it did, after a match that ended with `last`. */
export function isSkipped(memory: RuleMemory, run: number, last: RuleEvent): boolean {
  const { afterMatch } = memory.plan.rule;
  if (afterMatch === 'no-skip') return false;
  const order = memory.compareFirst(run, last);
  return afterMatch === 'skip-past-last' ? order <= 0 : order < 0;
}
