import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SpnegoProof } from '../../../src/warehouse/files/webhdfs/auth/spnego-proof.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-spnego-test-'));
const nameNode = { host: 'nn1.example.com', port: 9870 };

afterAll(() => rmSync(folder, { recursive: true }));

/** A program in the place of the real one, which test/real runs. */
function program(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('a proof by a command of the user', () => {
  it('is its token for the host that is asked, one command at a time', async () => {
    const log = join(folder, 'log');
    const command = program(
      'token',
      `echo begin >> ${log}; sleep 0.05; echo "end $1" >> ${log}; echo YIIC3wYGKwYBBQUCoIIC0w==`,
    );
    const proof = new SpnegoProof({ command: [command, 'HTTP@{host}'] });
    const proofs = await Promise.all(Array.from({ length: 3 }, () => proof.authorization(nameNode)));
    expect(proofs).toEqual(Array(3).fill('Negotiate YIIC3wYGKwYBBQUCoIIC0w=='));
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    expect(lines).toEqual(Array(3).fill(['begin', 'end HTTP@nn1.example.com']).flat());
  });

  it.each([
    ['echo "no such principal" >&2; exit 3', 'no such principal', 'permission-denied'],
    ['echo "Cannot contact any KDC for realm X" >&2; exit 1', 'Cannot contact any KDC', 'unavailable'],
    ['echo "a token? none"', 'expected one SPNEGO token in base64', 'permission-denied'],
  ])('says what %s means', async (script, message, code) => {
    const proof = new SpnegoProof({ command: [program('failing', script)] });
    const failing = proof.authorization(nameNode);
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.toMatchObject({ code, isRetriable: code === 'unavailable' });
  });

  it('says which program is not there', async () => {
    const proof = new SpnegoProof({ command: [join(folder, 'none')] });
    await expect(proof.authorization(nameNode)).rejects.toThrow('the program is not there');
  });

  it('ends with the caller', async () => {
    const proof = new SpnegoProof({ command: [program('slow', 'exec sleep 30')] });
    const stop = new AbortController();
    const proving = proof.authorization(nameNode, stop.signal);
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(proving).rejects.toThrow('enough');
  });
});

describe('a proof by curl', () => {
  it('goes nowhere without a ticket, says so, and leaves nothing behind', async () => {
    const ownFolder = mkdtempSync(join(folder, 'tmp-'));
    process.env['TMPDIR'] = ownFolder;
    const proof = new SpnegoProof({});
    await expect(proof.authorization(nameNode)).rejects.toThrow(/curl.*HTTP@nn1\.example\.com/);
    await proof.close();
    delete process.env['TMPDIR'];
    expect(readdirSync(ownFolder)).toEqual([]);
  });
});
