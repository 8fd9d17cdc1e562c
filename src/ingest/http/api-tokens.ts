import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { BadInputError, type Clock, describeError, type Logger } from '../../shared/index.ts';

const tokenSchema = z.strictObject({
  name: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hex digits' }),
  topics: z.array(z.string().min(1)).min(1),
});
const fileSchema = z.strictObject({ tokens: z.array(tokenSchema) });

/** One line of a token file: the SHA-256 of the token, never the token. */
export type ApiToken = z.infer<typeof tokenSchema>;

const checkEveryMs = 1000;

/** A new token of 256 random bits, and what the file keeps of it. */
export function newApiToken(name: string, topics: readonly string[]): { token: string; entry: ApiToken } {
  const token = `slu_${randomBytes(32).toString('base64url')}`;
  return { token, entry: { name, sha256: digestOf(token).toString('hex'), topics: [...topics] } };
}

/** Whether a token may write to a topic: named as it is, or by a beginning with `*`. */
export function mayWrite({ topics }: ApiToken, topic: string): boolean {
  return topics.some((scope) => (scope.endsWith('*') ? topic.startsWith(scope.slice(0, -1)) : scope === topic));
}

/** Whose token it is; null: nobody's. Every entry is compared, each in constant time, so the answer takes as long whoever it was. */
export function findToken(tokens: readonly ApiToken[], given: string): ApiToken | null {
  const digest = digestOf(given);
  let found: ApiToken | null = null;
  for (const token of tokens) {
    if (timingSafeEqual(digest, Buffer.from(token.sha256, 'hex'))) found = token;
  }
  return found;
}

/** The tokens of a file, read again when it changes: a token that is taken out ends without a restart. */
export class TokenFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #tokens: readonly ApiToken[];
  #modified: string;
  #checkedAtMs: number;

  /** Throws BadInputError. */
  static async open(path: string, clock: Clock, logger: Logger): Promise<TokenFile> {
    const modified = await modifiedOf(path);
    return new TokenFile(path, await readTokens(path), modified, clock, logger);
  }

  private constructor(path: string, tokens: readonly ApiToken[], modified: string, clock: Clock, logger: Logger) {
    this.#path = path;
    this.#tokens = tokens;
    this.#modified = modified;
    this.#clock = clock;
    this.#logger = logger;
    this.#checkedAtMs = clock.monotonicMs();
  }

  /** A file that cannot be used any more lets nobody in. */
  async tokens(): Promise<readonly ApiToken[]> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#checkedAtMs < checkEveryMs) return this.#tokens;
    this.#checkedAtMs = nowMs;
    try {
      const modified = await modifiedOf(this.#path);
      if (modified !== this.#modified) this.#tokens = await readTokens(this.#path);
      this.#modified = modified;
    } catch (error) {
      this.#logger.error({ reason: describeError(error) }, 'TokenFileUnusable');
      this.#tokens = [];
      this.#modified = '';
    }
    return this.#tokens;
  }
}

export async function readTokens(path: string): Promise<ApiToken[]> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new BadInputError(`expected tokens in ${path}: ${describeError(error)}`, { cause: error });
  }
  const parsed = fileSchema.safeParse(content);
  if (parsed.success) return parsed.data.tokens;
  const [issue] = parsed.error.issues;
  throw new BadInputError(`expected tokens in ${path}: ${issue!.path.join('.') || 'the file'}: ${issue!.message}`);
}

/** Adds a token to a file, which is made if there is none; only its owner may read it. Throws BadInputError when the name is taken. */
export async function addToken(path: string, entry: ApiToken): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  const tokens = isThere ? await readTokens(path) : [];
  if (tokens.some(({ name }) => name === entry.name)) {
    throw new BadInputError(`expected a new name, but ${path} has a token called "${entry.name}"`);
  }
  const text = JSON.stringify({ tokens: [...tokens, entry] }, null, 2);
  await writeFile(`${path}.tmp`, `${text}\n`, { mode: 0o600 });
  await rename(`${path}.tmp`, path);
}

async function modifiedOf(path: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(path, { bigint: true });
    return `${mtimeNs}-${size}-${ino}`;
  } catch (error) {
    throw new BadInputError(`expected a file with tokens at ${path}: ${describeError(error)}`, { cause: error });
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}
