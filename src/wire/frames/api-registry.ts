// Which messages an API key stands for, and which header version goes with each of its versions.
import { includesVersion, type MessageSchema } from '../codec/message-schema.ts';
import { apiKeys, apiSchemas } from '../generated/api-table.ts';
import { ApiVersionsRequestSchema } from '../generated/api-versions.ts';
import { WireError } from '../wire-error.ts';

const schemas = new Map(apiSchemas.map((pair) => [pair.request.apiKey, pair]));
const names = new Map<number, string>(Object.entries(apiKeys).map(([name, key]) => [key, name]));

/** "Produce" for 0; "api 999" for a key that Kafka's definitions do not have. */
export function apiName(key: number): string {
  return names.get(key) ?? `api ${key}`;
}

export function requestSchema(apiKey: number): MessageSchema<unknown> | undefined {
  return schemas.get(apiKey)?.request;
}

export function responseSchema(apiKey: number): MessageSchema<unknown> | undefined {
  return schemas.get(apiKey)?.response;
}

/**
 * 2 (with tagged fields) for flexible versions, otherwise 1. Also answers for versions outside the valid range, so that
 * a request from a newer or older client can be told apart and answered. Throws WireError for unknown APIs.
 */
export function requestHeaderVersion(apiKey: number, apiVersion: number): number {
  return isFlexible(requestSchema(apiKey), apiKey, apiVersion) ? 2 : 1;
}

/**
 * 1 (with tagged fields) for flexible versions, otherwise 0. The ApiVersions response always has 0: a client that does not
 * know the broker's versions yet must be able to read it (KIP-511).
 */
export function responseHeaderVersion(apiKey: number, apiVersion: number): number {
  if (apiKey === ApiVersionsRequestSchema.apiKey) return 0;
  return isFlexible(responseSchema(apiKey), apiKey, apiVersion) ? 1 : 0;
}

function isFlexible(schema: MessageSchema<unknown> | undefined, apiKey: number, apiVersion: number): boolean {
  if (!schema) throw new WireError('unsupported-version', `expected the key of a Kafka API, got ${apiKey}`);
  return includesVersion(schema.flexibleVersions, apiVersion);
}
