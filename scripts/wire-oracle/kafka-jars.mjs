// Fetches Kafka's jars (pom.xml beside this file) with Maven, and runs the Java programs of this folder on them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** The group and transaction coordinators' record formats that a broker needs; the others in their jars are left out. */
export const COORDINATOR_MESSAGES = [
  'GroupMetadataKey',
  'GroupMetadataValue',
  'OffsetCommitKey',
  'OffsetCommitValue',
  'TransactionLogKey',
  'TransactionLogValue',
];

/** Calls `work` with a folder of jars: the given one, filled when it is not yet, or a temporary one. */
export function withKafkaJars(given, work) {
  const directory = given ?? mkdtempSync(join(tmpdir(), 'wire-jars-'));
  try {
    if (!existsSync(definitionsIn(directory))) fetchJars(directory);
    return work(directory);
  } finally {
    if (!given) rmSync(directory, { recursive: true, force: true });
  }
}

/** Where Kafka's message definitions (JSON) are in a folder of jars. */
export function definitionsIn(directory) {
  return join(directory, 'common', 'message');
}

/** The standard output of one of this folder's Java programs. */
export function runJava(jarDirectory, program, args = []) {
  const command = ['-cp', join(jarDirectory, '*'), join(here, `${program}.java`), ...args];
  return execFileSync('java', command, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] });
}

function fetchJars(directory) {
  mkdirSync(directory, { recursive: true });
  const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
  const maven = (goal, ...options) => {
    const args = ['-q', '-B', '-f', join(here, 'pom.xml'), `${plugin}:${goal}`, `-DoutputDirectory=${directory}`];
    execFileSync('mvn', [...args, ...options], { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  maven('copy-dependencies');
  maven(
    'unpack-dependencies',
    `-DmarkersDirectory=${join(directory, 'markers')}`,
    '-DincludeArtifactIds=kafka-clients,kafka-group-coordinator,kafka-transaction-coordinator',
    '-Dmdep.unpack.includes=common/message/*.json',
  );
}
