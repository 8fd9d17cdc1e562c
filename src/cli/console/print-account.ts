import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import { hashPassword, type Role } from '../../console/index.ts';
import { BadInputError } from '../../shared/index.ts';
import { exitCodes } from '../output.ts';

/** `sluice console password NAME`: the line of the file of accounts. The password comes from the terminal, unseen, or from the standard input. */
export async function printAccount(name: string, { role }: { role: Role }): Promise<number> {
  if (!/^[\w.@-]{1,64}$/.test(name)) {
    throw new BadInputError(`expected a name of letters, digits and . _ @ - (at most 64), got "${name}"`);
  }
  const password = process.stdin.isTTY
    ? await ask(`password of ${name}: `)
    : (await readAll(process.stdin)).replace(/\r?\n$/, '');
  process.stdout.write(`${name} ${role} ${await hashPassword(password)}\n`);
  return exitCodes.complete;
}

/** What is typed is not shown. */
async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await new Promise<string>((resolve) => lines.question('', resolve));
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
