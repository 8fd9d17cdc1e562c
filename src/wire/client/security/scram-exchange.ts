// The client's half of SCRAM (RFC 5802), without channel binding, as Kafka uses it (KIP-84).
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AuthenticationError } from '../kafka-error.ts';

export type ScramHash = 'sha256' | 'sha512';

/** Kafka's lower bound, and ours against a server that would keep the processor busy. */
const iterationBounds = { min: 4096, max: 1_000_000 };
/** GS2 header: no channel binding, no authorization id. */
const gs2Header = 'n,,';
const hashBytes = { sha256: 32, sha512: 64 };
const deriveKey = promisify(pbkdf2);

/** One authentication: `first`, then `final` for the server's first message, then `verify` for its last one. */
export class ScramExchange {
  readonly #hash: ScramHash;
  readonly #password: string;
  readonly #nonce: string;
  readonly #firstBare: string;
  #expectedSignature: Buffer | null = null;

  constructor(hash: ScramHash, user: string, password: string, options: { nonce?: string } = {}) {
    this.#hash = hash;
    this.#password = password;
    this.#nonce = options.nonce ?? randomBytes(24).toString('base64');
    this.#firstBare = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${this.#nonce}`;
  }

  first(): Buffer {
    return Buffer.from(gs2Header + this.#firstBare);
  }

  /** Throws AuthenticationError when the server's message is not an answer to ours. */
  async final(serverFirst: Buffer): Promise<Buffer> {
    const { nonce, salt, iterations } = this.#readServerFirst(serverFirst.toString());
    const salted = await deriveKey(this.#password, salt, iterations, hashBytes[this.#hash], this.#hash);
    const clientKey = this.#hmac(salted, 'Client Key');
    const storedKey = createHash(this.#hash).update(clientKey).digest();
    const withoutProof = `c=${Buffer.from(gs2Header).toString('base64')},r=${nonce}`;
    const authMessage = `${this.#firstBare},${serverFirst.toString()},${withoutProof}`;
    const clientSignature = this.#hmac(storedKey, authMessage);
    const proof = clientKey.map((byte, i) => byte ^ clientSignature[i]!);
    this.#expectedSignature = this.#hmac(this.#hmac(salted, 'Server Key'), authMessage);
    return Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`);
  }

  /** The server must know the password too: throws AuthenticationError when it does not prove it. */
  verify(serverFinal: Buffer): void {
    const fields = readFields(serverFinal.toString());
    if (fields.has('e')) throw new AuthenticationError(`SCRAM: the broker refused: ${fields.get('e')}`);
    const signature = Buffer.from(fields.get('v') ?? '', 'base64');
    const expected = this.#expectedSignature;
    if (!expected || signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      throw new AuthenticationError(
        'SCRAM: the broker did not prove that it knows the password; it may be an impostor',
      );
    }
  }

  #readServerFirst(text: string): { nonce: string; salt: Buffer; iterations: number } {
    const fields = readFields(text);
    if (fields.has('m'))
      throw new AuthenticationError('SCRAM: the broker asks for an extension that is not known here');
    const nonce = fields.get('r') ?? '';
    const salt = Buffer.from(fields.get('s') ?? '', 'base64');
    const iterations = Number(fields.get('i'));
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw new AuthenticationError('SCRAM: the broker did not continue our nonce');
    }
    if (salt.length === 0) throw new AuthenticationError('SCRAM: the broker sent no salt');
    const { min, max } = iterationBounds;
    if (!Number.isInteger(iterations) || iterations < min || iterations > max) {
      throw new AuthenticationError(`SCRAM: expected ${min} to ${max} iterations, got "${fields.get('i')}"`);
    }
    return { nonce, salt, iterations };
  }

  #hmac(key: Buffer, data: string): Buffer {
    return createHmac(this.#hash, key).update(data).digest();
  }
}

/** `a=1,b=2` by name. */
function readFields(text: string): Map<string, string> {
  return new Map(text.split(',').map((field) => [field.slice(0, 1), field.slice(2)]));
}
