// Generates src/wire/generated from Kafka's own definitions: `npm run generate [-- --out DIR] [--jars DIR]`.
//
// Source: the JSON message definitions and the `Errors` enum inside the jars of wire-oracle/pom.xml, fetched by Maven.
// Result: one TypeScript file per API (request + response) or data message, an index, the API table, the error table.
// Only names, types, versions and defaults are taken over; no prose. Needs Maven and a JDK; the result is committed, so
// neither users nor the ordinary tests need them.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { renderApiTable, renderErrorTable, renderIndex, renderMessages } from './generate-wire-render.mjs';
import { COORDINATOR_MESSAGES, definitionsIn, runJava, withKafkaJars } from './wire-oracle/kafka-jars.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({ options: { out: { type: 'string' }, jars: { type: 'string' } } });

withKafkaJars(options.jars, (jars) => {
  const out = options.out ?? join(root, 'src', 'wire', 'generated');
  writeGenerated(out, readDefinitions(definitionsIn(jars)), readErrors(jars));
});

/** All messages we generate, sorted by name. The files are JSON with whole-line comments. */
function readDefinitions(directory) {
  const definitions = [];
  for (const file of readdirSync(directory).sort()) {
    if (!file.endsWith('.json')) continue;
    const lines = readFileSync(join(directory, file), 'utf8').split('\n');
    const definition = JSON.parse(lines.filter((line) => !line.trimStart().startsWith('//')).join('\n'));
    if (definition.validVersions === 'none') continue;
    if (definition.type.startsWith('coordinator-') && !COORDINATOR_MESSAGES.includes(definition.name)) continue;
    definitions.push(definition);
  }
  return definitions;
}

/** Rows of Kafka's `Errors` enum: code, name, whether a client may retry. */
function readErrors(jars) {
  const lines = runJava(jars, 'ErrorTable').trim().split('\n');
  return lines.map((line) => {
    const [code, name, isRetriable] = line.split('\t');
    return { code: Number(code), name, isRetriable: isRetriable === 'true' };
  });
}

function writeGenerated(directory, definitions, errors) {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const files = new Map(); // file name without extension -> definitions in it
  for (const definition of definitions) {
    const stem = isApi(definition) ? definition.name.replace(/(Request|Response)$/, '') : definition.name;
    const file = kebabCase(stem);
    files.set(file, [...(files.get(file) ?? []), definition]);
  }
  for (const [name, members] of files) writeFileSync(join(directory, `${name}.ts`), renderMessages(members));
  writeFileSync(join(directory, 'api-table.ts'), renderApiTable(files, definitions.filter(isApi)));
  writeFileSync(join(directory, 'error-table.ts'), renderErrorTable(errors));
  writeFileSync(join(directory, 'index.ts'), renderIndex(files));
}

function isApi(definition) {
  return definition.type === 'request' || definition.type === 'response';
}

function kebabCase(name) {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
}
