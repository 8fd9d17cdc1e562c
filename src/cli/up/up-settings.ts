import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ContractSurroundings } from '../../loader/index.ts';
import { checkRedisUrl } from '../../online/index.ts';
import { parseHostPort } from '../arguments.ts';
import { readConfig, type SluiceConfig } from '../config.ts';
import { settingsOfLoad } from '../load/load-settings.ts';

/** Options of `sluice up` as commander hands them over; undefined: not given. */
export interface UpOptions {
  config?: string;
  data?: string;
  listen?: { host: string; port: number };
  topics?: string[];
  warehouse?: string;
  workers?: number;
  rollAge?: number;
  rollBytes?: number;
  partitions?: number;
  http?: { host: string; port: number };
  /** Where the console is served; false: nowhere. */
  console?: { host: string; port: number } | false;
  accounts?: string;
  /** Where events come in over HTTP; false: nowhere. */
  ingest?: { host: string; port: number } | false;
  tokens?: string;
  open?: boolean;
  webTopics?: string[];
  origins?: string[];
  maxBody?: number;
  /** How long after their end hours are closed; false: somebody else closes them. */
  closeHours?: number | false;
  redis?: string;
  rules?: string;
  demo?: boolean;
  input?: string;
  timeField?: string;
  seed: number;
  rate: number;
}

/** What `sluice up` runs with, every default filled in: command line before file before default. */
export interface UpSettings {
  brokerData: string;
  listen: { host: string; port: number };
  partitions: number;
  topics: string[];
  warehouseUrl: string;
  loader: SluiceConfig['loader'] & { workers: number };
  /** What counts more than the contract, and what counts less. */
  contractSurroundings: ContractSurroundings;
  http: { host: string; port: number } | undefined;
  feed: { kind: 'none' } | { kind: 'game'; seed: number; rate: number } | { kind: 'file'; path: string; rate: number };
}

/** Throws BadInputError for what is wrong with the options, before anything is made. */
export function upSettings(options: UpOptions): UpSettings {
  if (options.redis !== undefined) checkRedisUrl(options.redis);
  const config = readConfig(options.config ?? null);
  // --data moves both the log and the warehouse, whatever the file says.
  const folder = (name: string, configured: string | undefined): string =>
    options.data !== undefined ? join(options.data, name) : (configured ?? join('data', name));
  const warehouse = options.warehouse ?? folder('warehouse', config.loader.warehouse);
  const { loader } = config;
  const brokerData = folder('log', config.broker.data);
  mkdirSync(dirname(resolve(brokerData)), { recursive: true });
  return {
    brokerData,
    listen: options.listen ?? parseHostPort(config.broker.listen ?? '127.0.0.1:9092'),
    partitions: options.partitions ?? config.broker.defaultPartitions ?? 4,
    topics: options.topics ?? config.loader.topics ?? ['events'],
    warehouseUrl: warehouseUrlOf(warehouse),
    loader: {
      ...loader,
      workers: options.workers ?? loader.workers ?? 1,
    },
    contractSurroundings: { given: givenBy(options), defaults: defaultsOf(loader, options) },
    http: options.http,
    feed: feedOf(options),
  };
}

/** The field with the event time; null: the records' own timestamp. */
export function timeFieldOf(options: UpOptions, { loader }: UpSettings): string | null {
  return options.timeField ?? loader.timeField ?? (options.demo && options.input === undefined ? 'ts' : null);
}

function givenBy({ rollBytes, rollAge, timeField }: UpOptions): NonNullable<ContractSurroundings['given']> {
  return {
    ...(rollBytes === undefined ? {} : { rollBytes }),
    ...(rollAge === undefined ? {} : { rollAgeMs: rollAge }),
    ...(timeField === undefined ? {} : { timeField }),
  };
}

/** Of the settings file; the game knows its own field. */
function defaultsOf(loader: SluiceConfig['loader'], options: UpOptions): NonNullable<ContractSurroundings['defaults']> {
  const isGame = options.demo === true && options.input === undefined;
  return { timeField: isGame ? 'ts' : null, ...settingsOfLoad(loader) };
}

function feedOf(options: UpOptions): UpSettings['feed'] {
  if (options.input !== undefined) return { kind: 'file', path: options.input, rate: options.rate };
  return options.demo ? { kind: 'game', seed: options.seed, rate: options.rate } : { kind: 'none' };
}

/** A folder becomes a file URL; a URL stays. The folder is created, so that a first start needs no preparation. */
function warehouseUrlOf(text: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  const path = resolve(text);
  mkdirSync(path, { recursive: true });
  return pathToFileURL(path).href;
}
