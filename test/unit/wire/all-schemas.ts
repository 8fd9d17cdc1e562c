import type { MessageSchema } from '../../../src/wire/index.ts';
import * as wire from '../../../src/wire/index.ts';

/** Every message of the protocol by its name. */
export const allSchemas: ReadonlyMap<string, MessageSchema<unknown>> = new Map(
  Object.entries(wire as Record<string, unknown>)
    .filter(([name]) => name.endsWith('Schema'))
    .map(([, schema]) => schema as MessageSchema<unknown>)
    .filter((schema) => schema.fields !== undefined)
    .map((schema) => [schema.name, schema]),
);

/** Every pair of message and version. */
export const allVersions: readonly { schema: MessageSchema<unknown>; version: number }[] = [
  ...allSchemas.values(),
].flatMap((schema) => {
  const [first, last] = schema.validVersions;
  return Array.from({ length: last - first + 1 }, (_, i) => ({ schema, version: first + i }));
});
