/**
 * A delegation token as WebHDFS hands it out: base64url of Hadoop's `Token`, that is identifier and password (each with its
 * length), kind and service. Of the identifier (`AbstractDelegationTokenIdentifier`) we read who owns it and how long it can
 * live; the rest is the server's business.
 */
export interface TokenIdentifier {
  owner: string;
  renewer: string;
  issuedMs: number;
  maxMs: number;
}

/** Null when the bytes are of another layout than the one known. */
export function decodeTokenIdentifier(urlString: string): TokenIdentifier | null {
  try {
    const token = new WritableReader(Buffer.from(urlString, 'base64url'));
    const identifier = new WritableReader(token.bytes(token.varLong()));
    if (identifier.bytes(1)[0] !== 0) return null; // version
    const owner = identifier.text();
    const renewer = identifier.text();
    identifier.text(); // the real user behind a proxy user
    const issuedMs = identifier.varLong();
    const maxMs = identifier.varLong();
    return issuedMs > 0 && maxMs > issuedMs ? { owner, renewer, issuedMs, maxMs } : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Hadoop's `WritableUtils`: texts with their length, and numbers of variable length, the sign and length in the first byte. */
class WritableReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  bytes(length: number): Buffer {
    if (length < 0 || this.#at + length > this.#buffer.length) throw new RangeError('the token ends early');
    this.#at += length;
    return this.#buffer.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.bytes(this.varLong()).toString('utf8');
  }

  varLong(): number {
    const first = this.bytes(1).readInt8(0);
    if (first >= -112) return first;
    const isNegative = first < -120;
    let value = 0n;
    for (const byte of this.bytes(isNegative ? -(first + 120) : -(first + 112))) value = (value << 8n) | BigInt(byte);
    return Number(isNegative ? ~value : value);
  }
}
