// `npm run example metrics` runs examples/metrics/run.ts; without a name it says which there are.
import { existsSync, readdirSync } from 'node:fs';

const examples = readdirSync(import.meta.dirname).filter((name) => existsSync(`${import.meta.dirname}/${name}/run.ts`));
const name = process.argv[2];
if (name !== undefined && examples.includes(name)) {
  await import(`./${name}/run.ts`);
} else {
  process.stderr.write(`expected the name of an example, got ${name ?? 'none'}: ${examples.join(', ')}\n`);
  process.exitCode = 2;
}
