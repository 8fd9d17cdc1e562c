// The door of the value formats: how bytes of a topic become JSON text for the table's row reader, and the schema registry.

export { formatToKeep, restoreFormat } from './kept-format.ts';
export { chooseFormat, type FormatChoice } from './named-format.ts';
export { checkRegistry, type DecoderContext, openRegistry, openValueDecoder } from './open-value-decoder.ts';
export { readValueFormat } from './read-format.ts';
export type { Patience } from './registry/framed-decoder.ts';
export { RegistryClient } from './registry/registry-client.ts';
export type { RegistryEndpoint } from './registry/registry-endpoint.ts';
export { RegistryError } from './registry/registry-error.ts';

export { type RegistryServer, type RegistryServerOptions, startRegistryServer } from './server/registry-server.ts';
export { SchemaRegistry, type SchemaRegistryOptions } from './server/schema-registry.ts';
export type { ValueColumn } from './value-column.ts';
export type { RefusedValue, ValueDecoder } from './value-decoder.ts';
export { registryOf, type ValueFormat } from './value-format.ts';
