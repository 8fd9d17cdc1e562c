import { errorCodes } from '../../wire/index.ts';
import type { BrokerServices } from './api-handler.ts';

export interface Refusal {
  readonly errorCode: number;
  readonly errorMessage: string;
}

/** Null when the broker has room for so many more partitions. */
export function refuseNewPartitions({ logs, config }: BrokerServices, partitionCount: number): Refusal | null {
  let existing = 0;
  for (const topic of logs.topics()) existing += topic.partitions.length;
  if (existing + partitionCount <= config.maxPartitions) return null;
  return {
    errorCode: errorCodes.POLICY_VIOLATION,
    errorMessage: `expected at most ${config.maxPartitions} partitions on this broker (max-partitions), got ${existing} and ${partitionCount} more`,
  };
}
