import {
  type DeepPartial,
  type DescribeConfigsRequestDescribeConfigsResource,
  DescribeConfigsRequestSchema,
  type DescribeConfigsResponseDescribeConfigsResourceResult,
  type DescribeConfigsResponseDescribeConfigsResult,
  DescribeConfigsResponseSchema,
  errorCodes,
} from '../../wire/index.ts';
import { defineHandler, type RequestContext } from './api-handler.ts';
import { brokerConfigs } from './broker-configs.ts';
import { type EffectiveConfig, effectiveTopicConfigs } from './topic-configs.ts';

const topicResource = 2;
const brokerResource = 4;

/** The settings that are really in force, of topics and of this broker. */
export const describeConfigsHandler = defineHandler({
  request: DescribeConfigsRequestSchema,
  response: DescribeConfigsResponseSchema,
  handle(request, context) {
    return { results: request.resources.map((resource) => describeResource(resource, request, context)) };
  },
});

function describeResource(
  { resourceType, resourceName, configurationKeys }: DescribeConfigsRequestDescribeConfigsResource,
  { includeDocumentation }: { includeDocumentation: boolean },
  context: RequestContext,
): DeepPartial<DescribeConfigsResponseDescribeConfigsResult> {
  const found = findConfigs(resourceType, resourceName, context);
  if (!Array.isArray(found)) return { resourceType, resourceName, ...found };
  const wanted = configurationKeys === null ? null : new Set(configurationKeys);
  const configs = found
    .filter(({ name }) => wanted === null || wanted.has(name))
    .map((config) => answerConfig(config, includeDocumentation));
  return { errorMessage: null, resourceType, resourceName, configs };
}

function findConfigs(
  resourceType: number,
  resourceName: string,
  { services }: RequestContext,
): EffectiveConfig[] | { errorCode: number; errorMessage: string } {
  if (resourceType === topicResource) {
    const topic = services.logs.topic(resourceName);
    if (topic) return effectiveTopicConfigs(topic);
    return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: `there is no topic ${resourceName}` };
  }
  if (resourceType === brokerResource) {
    // The empty name asks for what was set for all brokers at run time: nothing can be.
    if (resourceName === '') return [];
    if (resourceName === String(services.config.nodeId)) return brokerConfigs(services);
    const errorMessage = `expected broker ${services.config.nodeId}, got ${resourceName}`;
    return { errorCode: errorCodes.INVALID_REQUEST, errorMessage };
  }
  const errorMessage = `expected resource type ${topicResource} (topic) or ${brokerResource} (broker), got ${resourceType}`;
  return { errorCode: errorCodes.INVALID_REQUEST, errorMessage };
}

function answerConfig(
  { name, value, type, documentation, readOnly, configSource }: EffectiveConfig,
  includeDocumentation: boolean,
): DeepPartial<DescribeConfigsResponseDescribeConfigsResourceResult> {
  return {
    name,
    value,
    readOnly,
    configSource,
    configType: type,
    documentation: includeDocumentation ? documentation : null,
  };
}
