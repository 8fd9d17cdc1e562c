import { type ClientConfigSource, readClientConfig } from '../../wire/client/index.ts';
import { readConfig } from '../config.ts';

const told = new Set<string>();

/**
 * How to be let in by the cluster: `--command-config` (or $SLUICE_COMMAND_CONFIG), else section `kafka` of the settings
 * file (null: sluice.yaml, if there is one), else null: plain text. Checked here, so that what is wrong with it is one clear line before anything is done.
 */
export function clientConfigOf(
  flags: { commandConfig?: string },
  settingsFile: string | null = null,
): ClientConfigSource | null {
  const { kafka } = readConfig(settingsFile);
  const source = flags.commandConfig ?? kafka.commandConfig ?? kafka.properties ?? null;
  if (source === null) return null;
  const { unusedKeys, tls } = readClientConfig(source);
  const name = typeof source === 'string' ? source : 'kafka.properties';
  if (unusedKeys.length > 0) tellOnce(`${name}: not used here: ${unusedKeys.join(', ')}`);
  if (tls?.verifiesHostName === false) {
    tellOnce(`${name}: ssl.endpoint.identification.algorithm is empty: brokers can be impersonated`);
  }
  return source;
}

function tellOnce(text: string): void {
  if (told.has(text)) return;
  told.add(text);
  process.stderr.write(`sluice: ${text}\n`);
}
