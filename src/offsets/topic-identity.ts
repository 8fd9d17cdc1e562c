/**
 * Which incarnation of a topic a table loads: `<table>/_sluice/topics/<topic>/<n>.json`, the newest decides.
 *
 * A topic that was deleted and created anew has another id, its offsets begin again and mean other records. The ledger keeps
 * one chain per topic id, so nothing collides; but whether both belong into one table only the operator knows.
 */
import { z } from 'zod';
import { describeError } from '../shared/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { decodeSealedJson, encodeSealedJson } from './canonical-json.ts';
import { LedgerError, unreadableRecord } from './ledger-error.ts';
import { type NumberedFile, NumberedFiles } from './numbered-files.ts';

export const topicFormatVersion = 1;

export interface TopicIdentity {
  topic: string;
  /** 32 hex digits. */
  topicId: string;
  clusterId: string;
  /** host:pid or a user, for people. */
  acceptedBy: string;
  acceptedAtMs: number;
}

const identitySchema = z.strictObject({
  formatVersion: z.literal(topicFormatVersion),
  topic: z.string(),
  topicId: z.string(),
  clusterId: z.string(),
  acceptedBy: z.string(),
  acceptedAtMs: z.int(),
});

/** The identity that the table has accepted last; null: none yet. */
export async function readTopicIdentity(
  files: WarehouseFiles,
  table: string,
  topic: string,
  signal?: AbortSignal,
): Promise<TopicIdentity | null> {
  const latest = await identityFiles(files, table, topic).latest(signal);
  return latest ? parse(latest) : null;
}

/**
 * Makes sure that the table loads this incarnation of the topic; the first one met is accepted. Throws LedgerError
 * `topic-recreated` when another one was accepted, unless `acceptRecreated`: then this one is recorded as the newest.
 */
export async function checkTopicIdentity(
  files: WarehouseFiles,
  table: string,
  found: Omit<TopicIdentity, 'acceptedAtMs'>,
  options: { acceptRecreated?: boolean; signal?: AbortSignal } = {},
): Promise<void> {
  const { signal } = options;
  const numbered = identityFiles(files, table, found.topic);
  for (;;) {
    const latest = await numbered.latest(signal);
    if (latest) {
      const accepted = parse(latest);
      if (accepted.topicId === found.topicId) return;
      if (!options.acceptRecreated) throw recreated(table, accepted, found);
    }
    const acceptedAtMs = await files.nowMs(signal ? { signal } : {});
    const bytes = encodeSealedJson({ formatVersion: topicFormatVersion, ...found, acceptedAtMs });
    if (await numbered.publish((latest?.number ?? 0) + 1, bytes, signal)) return;
  }
}

function identityFiles(files: WarehouseFiles, table: string, topic: string): NumberedFiles {
  const { system } = new TablePaths(table);
  return new NumberedFiles(files, { folder: `${system}/topics/${topic}`, temporary: `${system}/tmp` });
}

function parse({ bytes, path }: NumberedFile): TopicIdentity {
  let members: Record<string, unknown>;
  try {
    members = decodeSealedJson(bytes);
  } catch (error) {
    throw unreadableRecord(path, describeError(error), error);
  }
  const result = identitySchema.safeParse(members);
  if (!result.success) throw unreadableRecord(path, result.error.issues[0]!.message);
  const { formatVersion: _, ...identity } = result.data;
  return identity;
}

function recreated(table: string, accepted: TopicIdentity, found: Omit<TopicIdentity, 'acceptedAtMs'>): LedgerError {
  const since = new Date(accepted.acceptedAtMs).toISOString();
  return new LedgerError(
    'topic-recreated',
    `table ${table} loads topic ${found.topic} with id ${accepted.topicId} (cluster ${accepted.clusterId}, since ${since}), ` +
      `but it now has id ${found.topicId} (cluster ${found.clusterId}): it was deleted and created anew, or this is another cluster; ` +
      'load it into another table, or say --accept-recreated-topic to go on in this one with offsets that begin again',
  );
}
