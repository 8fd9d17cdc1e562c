// Apache Gobblin: the job states of its FsStateStore (SequenceFile of Text and JobState.DatasetState) of Kafka sources.
import { BadInputError, SluiceError } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import type { ForeignPosition, ForeignPositions } from './foreign-position.ts';
import { HadoopInput } from './hadoop-input.ts';
import { readSequenceFile } from './sequence-file.ts';
import { walkFiles } from './walk-files.ts';

/** `current.jst`, or `<dataset>-current.jst`: the newest state of a dataset. States of single executions have the job's id instead. */
const currentState = /^(.+-)?current\.jst$/;

type Properties = Map<string, string>;

/**
 * Reads the state store below `state.store.dir`, or one job's folder in it. As Gobblin's KafkaSource does: a partition goes on at
 * the actual high watermark of its task; a task without one has failed, and its low watermark counts.
 */
export async function readGobblinState(
  files: WarehouseFiles,
  topic: string,
  options: { signal?: AbortSignal } = {},
): Promise<ForeignPositions> {
  const positions = new Map<number, ForeignPosition>();
  const warnings: string[] = [];
  let stateCount = 0;
  for await (const { path, status } of walkFiles(files, '/', ({ name }) => name.startsWith('_'), options.signal)) {
    if (!currentState.test(status.name)) continue;
    stateCount++;
    const { entries } = readSequenceFile(await files.read(path, options), path);
    for (const { value } of entries) {
      for (const task of readTasks(new HadoopInput(value, path))) noteTask(positions, warnings, task, topic, path);
    }
  }
  if (stateCount === 0) throw new BadInputError(`expected job states (current.jst) below ${files.url}, found none`);
  return { positions: [...positions.values()].sort((a, b) => a.partition - b.partition), warnings };
}

/** The properties of every task of JobState.write; what the job itself has behind them says nothing about positions. */
function readTasks(input: HadoopInput): Properties[] {
  input.text(); // job name
  input.text(); // job id
  for (let times = 0; times < 3; times++) input.int64(); // start, end, duration
  input.text(); // state
  input.int32(); // number of tasks without the skipped ones
  const tasks: Properties[] = [];
  for (let left = input.int32(); left > 0; left--) tasks.push(readTask(input));
  return tasks;
}

/** TaskState.write: ids, times, then WorkUnitState: the work unit's properties, its extract's, and the task's own, which win. */
function readTask(input: HadoopInput): Properties {
  input.text(); // job id
  input.text(); // task id
  for (let times = 0; times < 3; times++) input.int64();
  const [workUnit, extract, own] = [readProperties(input), readProperties(input), readProperties(input)];
  return new Map([...extract, ...workUnit, ...own]);
}

function readProperties(input: HadoopInput): Properties {
  const properties: Properties = new Map();
  for (let left = input.int32(); left > 0; left--) {
    const key = input.text();
    properties.set(key, input.text());
  }
  return properties;
}

function noteTask(
  positions: Map<number, ForeignPosition>,
  warnings: string[],
  task: Properties,
  topic: string,
  path: string,
): void {
  if (task.get('topic.name') !== topic) return;
  const watermarks = watermarksOf(task, path);
  partitionsOf(task).forEach((partition, i) => {
    const next = watermarks[i];
    if (next === undefined) {
      warnings.push(`${path}: a task has no watermark for partition ${partition}: not counted`);
      return;
    }
    const known = positions.get(partition);
    const sourceCount = (known?.sourceCount ?? 0) + 1;
    const highest = known && known.next > next ? known.next : next;
    positions.set(partition, { partition, next: highest, first: null, holes: [], overlaps: [], sourceCount });
  });
}

/** `partition.id.0`, `partition.id.1`, ... of a packed work unit, or the `partition.id` of a single one. */
function partitionsOf(task: Properties): number[] {
  const partitions: number[] = [];
  for (let i = 0; task.has(`partition.id.${i}`); i++) partitions.push(Number(task.get(`partition.id.${i}`)));
  if (partitions.length === 0 && task.has('partition.id')) partitions.push(Number(task.get('partition.id')));
  return partitions;
}

/** Watermarks are JSON, `{"values":[1,2]}`: one number a partition. */
function watermarksOf(task: Properties, path: string): bigint[] {
  const actual = task.get('workunit.state.actual.high.water.mark');
  const interval = task.get('watermark.interval.value');
  const low =
    interval === undefined ? undefined : /"low\.watermark\.to\.json"\s*:\s*(\{[^}]*\}|\d+)/.exec(interval)?.[1];
  const text = actual ?? low;
  if (text === undefined) return [];
  // Not JSON.parse: an offset may be larger than a double can tell from its neighbours.
  const list = /^\s*(?:\{\s*"values?"\s*:\s*)?\[?([\d\s,-]*)\]?\s*\}?\s*$/.exec(text)?.[1];
  if (list === undefined)
    throw new SluiceError('unreadable-state', `${path}: expected a watermark of numbers, found ${text}`);
  return list
    .split(',')
    .filter((item) => item.trim() !== '')
    .map((item) => BigInt(item.trim()));
}
