/** The operations of IncrementalAlterConfigs on a topic's own settings. */
import { LogError } from '../storage/log-error.ts';
import type { TopicConfig } from '../storage/log-types.ts';
import { configTypes, parseTopicConfigs, topicSettings } from './topic-configs.ts';

/** AlterConfigOp.OpType of the Java client. */
export const configOperations = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

export interface ConfigChange {
  name: string;
  operation: number;
  value: string | null;
}

/** The own settings after the changes; append and subtract work on what is in force. Throws LogError, having changed nothing. */
export function changeTopicConfig(
  own: Partial<TopicConfig>,
  inForce: TopicConfig,
  changes: readonly ConfigChange[],
): Partial<TopicConfig> {
  const result: Partial<TopicConfig> = { ...own };
  const seen = new Set<string>();
  for (const change of changes) {
    if (seen.size === seen.add(change.name).size) {
      throw new LogError('INVALID_REQUEST', `expected each setting once, got ${change.name} twice`);
    }
    // Also refuses names that are no setting.
    const parsed = parseTopicConfigs([{ name: change.name, value: newValue(change, inForce) }]);
    const setting = topicSettings.find(({ name }) => name === change.name);
    if (change.operation === configOperations.delete && setting) delete result[setting.key];
    else Object.assign(result, parsed);
  }
  return result;
}

/** The text to set; null for a setting that goes back to its default. */
function newValue({ name, operation, value }: ConfigChange, inForce: TopicConfig): string | null {
  if (operation === configOperations.delete) return null;
  if (value === null) throw new LogError('INVALID_REQUEST', `${name}: expected a value`);
  if (operation === configOperations.set) return value;
  const setting = topicSettings.find((each) => each.name === name);
  const isList = setting?.type === configTypes.list;
  if (!isList || (operation !== configOperations.append && operation !== configOperations.subtract)) {
    throw new LogError(
      'INVALID_CONFIG',
      `${name}: expected set or delete (append and subtract are for lists), got operation ${operation}`,
    );
  }
  const present = String(inForce[setting.key]).split(',');
  const given = value.split(',').map((item) => item.trim());
  const next =
    operation === configOperations.append
      ? [...new Set([...present, ...given])]
      : present.filter((item) => !given.includes(item));
  return next.join(',');
}
