// Writes test/golden from Kafka's own classes: `node scripts/generate-golden.mjs [--out DIR] [--jars DIR]`. Needs Maven and
// a JDK; the result is committed, so the tests need neither. codec-frames.jsonl.gz comes from wire-oracle/codec_frames.py.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { COORDINATOR_MESSAGES, definitionsIn, runJava, withKafkaJars } from './wire-oracle/kafka-jars.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({ options: { out: { type: 'string' }, jars: { type: 'string' } } });

withKafkaJars(options.jars, (jars) => {
  const out = options.out ?? join(root, 'test', 'golden');
  mkdirSync(out, { recursive: true });
  const write = (name, text) => writeFileSync(join(out, `${name}.jsonl.gz`), gzipSync(text, { level: 9 }));
  write('messages', runJava(jars, 'GoldenMessages', [definitionsIn(jars), ...COORDINATOR_MESSAGES]));
  write('batches', runJava(jars, 'GoldenBatches'));
});
