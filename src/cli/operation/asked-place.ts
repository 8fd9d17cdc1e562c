import { InvalidArgumentError } from 'commander';

export interface AskedPlace {
  topic: string;
  partition: number;
  offset: bigint;
}

/** "events/3@1048576" -> its parts. */
export function parsePlace(text: string): AskedPlace {
  const match = /^([^/@]+)\/(\d{1,9})@(\d{1,19})$/.exec(text);
  if (match) return { topic: match[1]!, partition: Number(match[2]), offset: BigInt(match[3]!) };
  throw new InvalidArgumentError(`expected TOPIC/PARTITION@OFFSET like events/3@1048576, got "${text}"`);
}
