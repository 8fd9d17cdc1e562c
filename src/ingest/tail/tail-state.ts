import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BadInputError, stringifyJson } from '../../shared/index.ts';

const int64 = z
  .string()
  .regex(/^-?\d+$/)
  .transform(BigInt);
const fingerprint = z.strictObject({ bytes: z.int().min(0), hash: z.string() });
const shipped = { id: z.string(), position: z.int().min(0), head: fingerprint, end: fingerprint };

const stateSchema = z.strictObject({
  formatVersion: z.literal(1),
  clusterId: z.string(),
  topic: z.string(),
  topicId: z.string(),
  producer: z.strictObject({ producerId: int64, producerEpoch: z.int() }).nullable(),
  partitions: z.array(z.strictObject({ partition: z.int(), nextOffset: int64, nextSequence: z.int() })),
  files: z.array(
    z.strictObject({
      ...shipped,
      path: z.string(),
      device: z.string(),
      inode: z.string(),
      partition: z.int(),
      copyOf: z.string().nullable(),
    }),
  ),
  retired: z.array(z.strictObject({ ...shipped, path: z.string() })),
});

/** What a tail keeps in its folder; see docs/formats.md, "Positions of tailed files". */
export type TailState = z.infer<typeof stateSchema>;
export type FileState = TailState['files'][number];
export type RetiredFile = TailState['retired'][number];
export type PartitionState = TailState['partitions'][number];

const fileName = 'positions.json';

export function newTailState(place: { clusterId: string; topic: string; topicId: string }): TailState {
  return { formatVersion: 1, ...place, producer: null, partitions: [], files: [], retired: [] };
}

/** Null when nothing was kept yet. Throws BadInputError when what is there cannot be used. */
export async function readTailState(folder: string): Promise<TailState | null> {
  const path = join(folder, fileName);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new BadInputError(`expected positions of a tail in ${path}, got what is no JSON`, { cause: error });
  }
  const parsed = stateSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BadInputError(`expected positions of a tail in ${path}: ${issue!.path.join('.')}: ${issue!.message}`);
}

/** The old state or the new one, whatever happens. */
export async function writeTailState(folder: string, state: TailState): Promise<void> {
  const path = join(folder, fileName);
  const file = await open(`${path}.tmp`, 'w');
  try {
    await file.writeFile(`${stringifyJson(state, 1)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

export async function makeStateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new BadInputError(`expected a folder for positions at ${folder}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
