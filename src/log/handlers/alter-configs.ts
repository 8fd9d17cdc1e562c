/**
 * Changes of a topic's settings: AlterConfigs replaces all of them, IncrementalAlterConfigs (KIP-339) changes some. Each resource is
 * changed whole or not at all, durably, and answered by itself. The broker's own settings are command line options.
 */
import {
  AlterConfigsRequestSchema,
  AlterConfigsResponseSchema,
  IncrementalAlterConfigsRequestSchema,
  IncrementalAlterConfigsResponseSchema,
} from '../../wire/index.ts';
import { LogError } from '../storage/log-error.ts';
import type { TopicConfig } from '../storage/log-types.ts';
import { type BrokerServices, defineHandler, errorAnswer } from './api-handler.ts';
import { type ConfigChange, changeTopicConfig } from './config-changes.ts';
import { parseTopicConfigs } from './topic-configs.ts';

const topicResource = 2;

interface Resource {
  resourceType: number;
  resourceName: string;
}

export const alterConfigsHandler = defineHandler({
  request: AlterConfigsRequestSchema,
  response: AlterConfigsResponseSchema,
  async handle({ resources, validateOnly }, { services }) {
    const responses = [];
    for (const resource of resources) {
      const replace = (): Partial<TopicConfig> => parseTopicConfigs(resource.configs);
      responses.push(await alter(resource, resources, replace, validateOnly, services));
    }
    return { responses };
  },
});

export const incrementalAlterConfigsHandler = defineHandler({
  request: IncrementalAlterConfigsRequestSchema,
  response: IncrementalAlterConfigsResponseSchema,
  async handle({ resources, validateOnly }, { services }) {
    const responses = [];
    for (const resource of resources) {
      const changes: ConfigChange[] = resource.configs.map(({ name, configOperation, value }) => ({
        name,
        operation: configOperation,
        value,
      }));
      const change = (own: Partial<TopicConfig>, inForce: TopicConfig) => changeTopicConfig(own, inForce, changes);
      responses.push(await alter(resource, resources, change, validateOnly, services));
    }
    return { responses };
  },
});

async function alter(
  { resourceType, resourceName }: Resource,
  all: readonly Resource[],
  change: (own: Partial<TopicConfig>, inForce: TopicConfig) => Partial<TopicConfig>,
  validateOnly: boolean,
  { logs, logger }: BrokerServices,
) {
  try {
    const isSame = (other: Resource) => other.resourceType === resourceType && other.resourceName === resourceName;
    if (all.filter(isSame).length > 1)
      throw new LogError('INVALID_REQUEST', 'expected each resource once in a request');
    if (resourceType !== topicResource) {
      const message = `expected resource type ${topicResource} (topic), got ${resourceType}: the broker is set on its command line`;
      throw new LogError('INVALID_REQUEST', message);
    }
    const topic = logs.topic(resourceName);
    if (!topic) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${resourceName}`);
    if (topic.isInternal) throw new LogError('INVALID_REQUEST', `${resourceName} holds the state of the broker`);
    await logs.alterTopicConfig(resourceName, (own) => change(own, topic.config), { validateOnly });
    return { resourceType, resourceName, errorMessage: null };
  } catch (error) {
    return { resourceType, resourceName, ...errorAnswer(error, logger) };
  }
}
