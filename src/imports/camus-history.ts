// LinkedIn's Camus: the offsets files of its last execution (SequenceFile of EtlKey and nothing).
import { BadInputError, SluiceError } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import type { ForeignPosition, ForeignPositions } from './foreign-position.ts';
import { HadoopInput } from './hadoop-input.ts';
import { readSequenceFile } from './sequence-file.ts';
import { joinPath } from './walk-files.ts';

const keyClass = 'com.linkedin.camus.etl.kafka.common.EtlKey';

/**
 * Reads `etl.execution.history.path` (one folder an execution, named by its time) or one execution. As Camus itself does: of the
 * newest execution, the highest offset that any `offsets*` file has for a partition is where the next one begins.
 */
export async function readCamusHistory(
  files: WarehouseFiles,
  topic: string,
  options: { signal?: AbortSignal } = {},
): Promise<ForeignPositions> {
  const { folder, warnings } = await newestExecution(files, options);
  const positions = new Map<number, ForeignPosition>();
  for (const { name } of await files.list(folder, options)) {
    if (!name.startsWith('offsets')) continue;
    const path = joinPath(folder, name);
    for (const key of readKeys(await files.read(path, options), path)) {
      if (key.topic === topic) notePosition(positions, key);
    }
  }
  return { positions: [...positions.values()].sort((a, b) => a.partition - b.partition), warnings };
}

async function newestExecution(
  files: WarehouseFiles,
  options: { signal?: AbortSignal },
): Promise<{ folder: string; warnings: string[] }> {
  const children = await files.list('/', options);
  if (children.some(hasOffsets)) return { folder: '/', warnings: [] };
  const executions = children.filter(({ type, name }) => type === 'directory' && /^\d/.test(name));
  const warnings: string[] = [];
  for (const { name } of executions.reverse()) {
    if ((await files.list(joinPath('/', name), options)).some(hasOffsets))
      return { folder: joinPath('/', name), warnings };
    warnings.push(`execution ${name} has no offsets files: it did not end, the one before it counts`);
  }
  throw new BadInputError(`expected folders of Camus executions with offsets files in ${files.url}, found none`);
}

function hasOffsets({ type, name }: { type: string; name: string }): boolean {
  return type === 'file' && name.startsWith('offsets');
}

interface CamusKey {
  topic: string;
  partition: number;
  /** The next offset to read: Camus stores the offset of the last message plus one. */
  offset: bigint;
}

function readKeys(bytes: Buffer, path: string): CamusKey[] {
  const sequence = readSequenceFile(bytes, path);
  if (sequence.keyClass !== keyClass) {
    throw new SluiceError(
      'unreadable-state',
      `${path}: expected keys of Camus (${keyClass}), found ${sequence.keyClass}`,
    );
  }
  return sequence.entries.map(({ key }) => readKey(new HadoopInput(key, path)));
}

/** The fields of EtlKey.write up to the topic; what follows (time, server, service, a map) says nothing about the position. */
function readKey(input: HadoopInput): CamusKey {
  input.shortText(); // id of the leader
  const partition = input.int32();
  input.int64(); // begin offset
  const offset = input.int64();
  input.int64(); // checksum
  return { topic: input.shortText(), partition, offset };
}

function notePosition(positions: Map<number, ForeignPosition>, { partition, offset }: CamusKey): void {
  const known = positions.get(partition);
  if (known) {
    known.sourceCount++;
    if (offset > known.next) known.next = offset;
    return;
  }
  positions.set(partition, { partition, next: offset, first: null, holes: [], overlaps: [], sourceCount: 1 });
}
