import type { ComparableSchema } from '../compatibility/comparable-schema.ts';
import type { CompatibilityLevel } from './registry-record.ts';

/**
 * What speaks against a new schema beside the earlier ones of its subject, oldest first. BACKWARD: the new one reads what the
 * earlier one wrote; FORWARD: the earlier one reads what the new one writes; FULL: both. Without TRANSITIVE only the last counts.
 */
export function compatibilityProblems(
  schema: ComparableSchema,
  earlier: readonly { version: number; schema: ComparableSchema }[],
  level: CompatibilityLevel,
): string[] {
  if (level === 'NONE') return [];
  const compared = level.endsWith('_TRANSITIVE') ? earlier : earlier.slice(-1);
  const [reads, isRead] = [!level.startsWith('FORWARD'), !level.startsWith('BACKWARD')];
  return compared
    .toReversed()
    .flatMap(({ version, schema: other }) => [
      ...(reads ? schema.readProblems(other).map((why) => `version ${version} cannot be read: ${why}`) : []),
      ...(isRead ? other.readProblems(schema).map((why) => `version ${version} cannot read it: ${why}`) : []),
    ]);
}
