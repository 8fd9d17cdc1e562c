import type { AddressInfo } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';

/** Of a server with a certificate of its own. */
export interface MailCertificate {
  key: Buffer;
  cert: Buffer;
}

/**
 * A real SMTP server that wants a login, keeps what it takes, and can be told to refuse. With a certificate it takes no login before
 * STARTTLS; `isSecure`: TLS from the first byte.
 */
export class PostOffice {
  readonly mails: Email[] = [];
  readonly logins: string[] = [];
  /** Whether each mail came through TLS. */
  readonly encrypted: boolean[] = [];
  refusals = 0;
  readonly #server: SMTPServer;

  constructor(certificate?: MailCertificate, isSecure = false) {
    this.#server = new SMTPServer({
      ...(certificate
        ? { ...certificate, secure: isSecure }
        : { disabledCommands: ['STARTTLS'], allowInsecureAuth: true }),
      logger: false,
      onAuth: (auth, _session, done) => {
        this.logins.push(`${auth.username}:${auth.password}`);
        if (auth.password === 'open sesame') done(null, { user: auth.username });
        else done(new Error('who are you?'));
      },
      onData: (stream, session, done) => {
        this.encrypted.push(session.secure);
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', async () => {
          if (this.refusals-- > 0) return done(Object.assign(new Error('come again later'), { responseCode: 451 }));
          this.mails.push(await PostalMime.parse(Buffer.concat(chunks)));
          done();
        });
      },
    });
    this.#server.on('error', () => {}); // a client that is killed resets its connection
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(resolve));
  }
}
