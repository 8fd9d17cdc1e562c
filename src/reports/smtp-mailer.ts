import { Readable } from 'node:stream';
import { describeError, SluiceError } from '../shared/index.ts';

/** Where mail is handed over. */
export interface SmtpSettings {
  host: string;
  port: number;
  /** TLS from the first byte (port 465). Otherwise STARTTLS where the server offers it. */
  secure?: boolean | undefined;
  /** Refuse to go on without TLS. */
  requireTls?: boolean | undefined;
  /** Certificates that the server's may be signed with, PEM; left out: those that the system trusts. */
  ca?: string | undefined;
  user?: string | undefined;
  password?: string | undefined;
}

export interface MailMessage {
  from: string;
  to: readonly string[];
  subject: string;
  text: string;
  html: string;
  attachments: readonly { filename: string; content: string; contentType: string }[];
  /** With angle brackets; the same for every try, so that mailboxes can tell doubles. */
  messageId: string;
  date: Date;
}

/** What the server said. */
export interface MailReceipt {
  response: string;
  /** Recipients that it refused while it took others. */
  rejected: string[];
}

export interface Mailer {
  /** @throws MailError */
  send(message: MailMessage, signal: AbortSignal): Promise<MailReceipt>;
}

/** `not-sent`: the server has not taken it, for certain. `uncertain`: the connection broke when it may have. */
export class MailError extends SluiceError {
  readonly isUncertain: boolean;

  constructor(isUncertain: boolean, message: string, cause: unknown) {
    super(isUncertain ? 'mail-uncertain' : 'mail-not-sent', message, { cause, isRetriable: !isUncertain });
    this.isUncertain = isUncertain;
  }
}

const connectTimeoutMs = 30_000;
const silenceMs = 120_000;

/** One message over one connection, with nodemailer's SMTP client: step by step, so that it is known how far it came. */
export class SmtpMailer implements Mailer {
  readonly #settings: SmtpSettings;

  constructor(settings: SmtpSettings) {
    this.#settings = settings;
  }

  async send(message: MailMessage, signal: AbortSignal): Promise<MailReceipt> {
    signal.throwIfAborted();
    const [{ default: Connection }, { default: Composer }] = await Promise.all([
      import('nodemailer/lib/smtp-connection'),
      import('nodemailer/lib/mail-composer'),
    ]);
    const { host, port, secure = false, requireTls = false, ca, user, password } = this.#settings;
    const composed = new Composer({
      ...message,
      ...{ to: [...message.to], attachments: [...message.attachments] },
      headers: { 'Auto-Submitted': 'auto-generated' },
    }).compile();
    const connection = new Connection({
      ...{ host, port, secure, requireTLS: requireTls },
      ...(ca === undefined ? {} : { tls: { ca } }),
      ...{ connectionTimeout: connectTimeoutMs, greetingTimeout: connectTimeoutMs, socketTimeout: silenceMs },
    });
    const place = `${host}:${port}`;
    const onAbort = (): void => connection.close();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await step(
        place,
        () => false,
        connection,
        (done) => connection.connect(done),
      );
      if (user !== undefined) {
        const credentials = { user, pass: password ?? '' };
        await step(
          place,
          () => false,
          connection,
          (done) => connection.login({ credentials }, done),
        );
      }
      const bytes = await composed.build();
      // Read when the server has said that it takes the data: before that nothing can have been sent.
      let isUnderway = false;
      const content = Readable.from(
        (function* () {
          isUnderway = true;
          yield bytes;
        })(),
      );
      const info = await step(
        place,
        () => isUnderway,
        connection,
        (done: Done<SentInfo>) => connection.send(composed.getEnvelope(), content, done),
      );
      return { response: info?.response ?? '', rejected: [...(info?.rejected ?? [])] };
    } finally {
      signal.removeEventListener('abort', onAbort);
      connection.quit();
      connection.close();
    }
  }
}

interface SentInfo {
  response: string;
  rejected: readonly string[];
}

type Done<T> = (error?: (Error & { responseCode?: number | undefined }) | null, result?: T) => void;

/** A call of the client as a promise. It may also end by the event `error`, or by the end of the connection. */
async function step<T>(
  place: string,
  isUnderway: () => boolean,
  connection: NodeJS.EventEmitter,
  call: (done: Done<T>) => void,
): Promise<T | undefined> {
  let onError: (error: Error) => void = () => {};
  let onEnd: () => void = () => {};
  try {
    return await new Promise<T | undefined>((resolve, reject) => {
      onError = reject;
      onEnd = () => reject(new Error('the connection ended'));
      connection.once('error', onError);
      connection.once('end', onEnd);
      call((error, result) => (error ? reject(error) : resolve(result)));
    });
  } catch (error) {
    // A number from the server is its answer: it has refused.
    const isAnswered = ((error as { responseCode?: number }).responseCode ?? 0) >= 400;
    const isUncertain = isUnderway() && !isAnswered;
    const what = isUncertain ? 'the mail server may or may not have taken the mail' : 'the mail was not sent';
    throw new MailError(isUncertain, `${what}: ${place}: ${describeError(error)}`, error);
  } finally {
    connection.off('error', onError);
    connection.off('end', onEnd);
    connection.on('error', () => {}); // what breaks behind the answer is nobody's concern
  }
}
