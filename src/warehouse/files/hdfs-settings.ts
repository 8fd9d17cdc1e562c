import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { BadInputError } from '../../shared/index.ts';
import type { TlsMaterial } from './http-exchange.ts';

const text = z.string().min(1);
const permission = z
  .union([z.string(), z.int()])
  .transform(String)
  .refine((octal) => /^[01]?[0-7]{3}$/.test(octal), { error: 'expected octal digits such as "640"' });

/** Hadoop's notation of sizes: `134217728`, `128m`, `1g`. */
const size = z.union([z.string(), z.int()]).transform((value, context) => {
  const [, digits, unit] = /^(\d+)([kmg]?)$/i.exec(String(value)) ?? [];
  if (digits !== undefined) return Number(digits) * 1024 ** ['', 'k', 'm', 'g'].indexOf(unit!.toLowerCase());
  context.addIssue({ code: 'custom', message: 'expected bytes, or a number with k, m or g, such as 256m' });
  return z.NEVER;
});

const auth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('simple') }),
  z.strictObject({ type: z.literal('basic'), user: text, passwordFile: text }),
  z
    .strictObject({
      type: z.literal('kerberos'),
      principal: text.optional(),
      keytab: text.optional(),
      command: z.array(text).min(1).optional(),
      delegationTokens: z.boolean().default(true),
    })
    .refine(({ principal, keytab }) => (principal === undefined) === (keytab === undefined), {
      error: 'principal and keytab go together; without them the tickets of the current user are taken',
    }),
]);

/** The file of HDFS settings; each key is described in docs/operations.md. Nothing in it is a secret: those are in files it names. */
const schema = z.strictObject({
  auth: auth.default({ type: 'simple' }),
  /** The user on whose behalf the authenticated one acts (`hadoop.proxyuser.*` of the cluster). */
  doAs: text.optional(),
  tls: z
    .strictObject({ ca: text, cert: text, key: text, passphraseFile: text })
    .partial()
    .refine(({ cert, key }) => (cert === undefined) === (key === undefined), { error: 'cert and key go together' })
    .default({}),
  /** Of files and folders that we create; what is left out is up to the cluster. */
  create: z
    .strictObject({
      permission,
      folderPermission: permission,
      owner: text,
      group: text,
      replication: z.int().min(1).max(512),
      blockSize: size,
    })
    .partial()
    .default({}),
  /** Header that a cluster with protection against cross-site request forgery looks for. */
  csrfHeader: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/)
    .default('X-XSRF-HEADER'),
  /** Hosts that NameNodes may redirect to, `.example.com` for all below it. */
  redirectHosts: z.array(text).min(1).optional(),
});

export type HdfsSettings = z.infer<typeof schema>;
export type AuthSettings = HdfsSettings['auth'];
export type CreateSettings = HdfsSettings['create'];

/** Names the file of HDFS settings for a process and all its threads. */
export const hdfsConfigVariable = 'SLUICE_HDFS_CONFIG';

/** Null: the file that `$SLUICE_HDFS_CONFIG` names, or nothing but defaults. Throws BadInputError with file and key. */
export function readHdfsSettings(path: string | null): HdfsSettings {
  const file = path ?? process.env[hdfsConfigVariable];
  if (!file) return schema.parse({});
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8')) ?? {};
  } catch (error) {
    throw new BadInputError(`HDFS settings ${file}: ${(error as Error).message.split('\n')[0]}`, { cause: error });
  }
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new BadInputError(`HDFS settings ${file}: ${issue!.path.join('.') || 'the file'}: ${issue!.message}`);
}

/** Reads the files that the `tls` section names. */
export function readTlsMaterial({ ca, cert, key, passphraseFile }: HdfsSettings['tls']): TlsMaterial {
  return {
    ...(ca !== undefined && { ca: readPem(ca) }),
    ...(cert !== undefined && { cert: readPem(cert) }),
    ...(key !== undefined && { key: readPem(key) }),
    ...(passphraseFile !== undefined && {
      passphrase: readPem(passphraseFile)
        .toString()
        .replace(/\r?\n$/, ''),
    }),
  };
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new BadInputError(`HDFS settings, tls: ${(error as Error).message}`, { cause: error });
  }
}
