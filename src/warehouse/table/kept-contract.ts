import { basename, resolve } from 'node:path';
import { z } from 'zod';
import { BadInputError } from '../../shared/index.ts';
import type { ContractWriter, TableContract } from './contract.ts';
import { missingSalt, readSalt, saltPlace } from './contract-salt.ts';
import { parseTableSchema } from './schema-codec.ts';

// What a table keeps of the contract of its newest load: how records become rows and how files are written, but no secret: of the salt
// of its hashes only where it is. Event time and folders are in the layout, rolls and retention are no matter of rows.

const path = z.array(z.string()).min(1);
const keptRules = z.strictObject({
  filter: z.string().nullable(),
  columns: z.array(z.strictObject({ name: z.string(), from: path, default: z.string().nullable() })).nullable(),
  personal: z.array(z.strictObject({ path, action: z.enum(['hash', 'drop']) })),
  salt: saltPlace.nullable(),
});
const keptContract = z.strictObject({
  source: z.string(),
  schema: z.unknown().nullable(),
  rules: keptRules.nullable(),
  writer: z.record(z.string(), z.unknown()),
});

/** JSON without secrets, for `restoreContract`. */
export function contractToKeep({ source, schema, rules, writer, saltFrom }: TableContract): object {
  const whole = saltFrom && 'file' in saltFrom ? { file: resolve(saltFrom.file) } : (saltFrom ?? null);
  const kept = rules && { ...rules, salt: rules.salt === null ? null : whole };
  // The same contract in two folders is one.
  return { source: basename(source), schema, rules: kept, writer };
}

/**
 * The contract that was kept as `kept`; the salt is read from where it was. `place` names what was kept, for messages.
 *
 * @throws BadInputError when the salt is not here.
 */
export function restoreContract(kept: unknown, place: string, env = process.env): TableContract {
  const parsed = keptContract.safeParse(kept);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new BadInputError(`${place}: contract.${issue!.path.join('.')}: ${issue!.message}`);
  }
  const { source, schema, rules, writer } = parsed.data;
  const salt = rules?.salt ? readSalt(rules.salt, env) : null;
  if (rules?.salt && salt === null)
    throw new BadInputError(`${place}: the salt of its hashes: ${missingSalt(rules.salt)}`);
  return {
    source,
    schema: schema === null ? null : parseTableSchema(schema),
    rules: rules && { ...rules, salt },
    writer: writer as ContractWriter,
    ...(rules?.salt ? { saltFrom: rules.salt } : {}),
  };
}
