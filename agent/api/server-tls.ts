/**
 * TLS of those who serve: the agent's own certificate, and the authority of those who may call it.
 * The files are read again now and then: who connects from then on meets what stands there, and who
 * is connected goes on. What cannot be used is told once, and what was used before is kept.
 */
import { X509Certificate } from 'node:crypto';
import { experimental, type ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { refusalOf } from '../model/failure.ts';
import { readTls, type TlsFiles, type TlsTexts } from './tls.ts';

type Provider = experimental.CertificateProvider;
type OnAuthority = Parameters<Provider['addCaCertificateListener']>[0];
type OnIdentity = Parameters<Provider['addIdentityCertificateListener']>[0];

export class ServerTls {
  /** Nobody without a certificate of the authority gets as far as a call. */
  readonly credentials: ServerCredentials;
  readonly #files: TlsFiles;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #of_authority = new Set<OnAuthority>();
  readonly #of_identity = new Set<OnIdentity>();
  #texts: TlsTexts;
  #endWait: (() => void) | null = null;
  /** What was told last of files that cannot be used; null: they can. */
  #trouble: string | null = null;
  #is_over = false;

  private constructor(
    files: TlsFiles,
    texts: TlsTexts,
    { clock, log }: { clock: Clock; log: Logger },
  ) {
    this.#files = files;
    this.#texts = texts;
    this.#clock = clock;
    this.#log = log;
    const provider = this.#provider();
    const make = experimental.createCertificateProviderServerCredentials;
    this.credentials = make(provider, provider, true);
    this.#wait();
  }

  /** Throws HP_AGENT_TLS, or HP_PATH_UNSAFE for a file that others may write. */
  static async open(
    files: TlsFiles,
    parts: { readonly clock: Clock; readonly log: Logger },
  ): Promise<ServerTls> {
    return new ServerTls(files, await readTls(files), parts);
  }

  /** When the certificate in use ends, in ms since 1970. */
  get end_ms(): number {
    return new X509Certificate(this.#texts.certificate).validToDate.getTime();
  }

  /** Takes up what the files hold now, where it can be used and is not what they held before. */
  async look(): Promise<void> {
    let texts: TlsTexts;
    try {
      texts = await readTls(this.#files);
    } catch (error) {
      const trouble = messageOf(error);
      if (trouble === this.#trouble || this.#is_over) return;
      this.#trouble = trouble;
      this.#log.error({ err: refusalOf(error) }, 'new files of TLS are not used, the old ones are');
      return;
    }
    this.#trouble = null;
    if (this.#is_over || areSame(texts, this.#texts)) return;
    this.#texts = texts;
    for (const listener of this.#of_authority) listener(authorityOf(texts));
    for (const listener of this.#of_identity) listener(identityOf(texts));
    const { subject, validTo: valid_to } = new X509Certificate(texts.certificate);
    this.#log.info({ subject, valid_to }, 'a new certificate is used from now on');
  }

  /** The files are looked at no longer. */
  close(): void {
    this.#is_over = true;
    this.#endWait?.();
  }

  #wait(): void {
    this.#endWait = this.#clock.timer(AGENT_LIMITS.tls_look_ms, () => {
      void this.look().then(() => {
        if (!this.#is_over) this.#wait();
      });
    });
  }

  /** Who listens is told what holds in a moment: a server takes no word while it is made. */
  #provider(): Provider {
    return {
      addCaCertificateListener: (listener) => {
        this.#of_authority.add(listener);
        process.nextTick(() => listener(authorityOf(this.#texts)));
      },
      removeCaCertificateListener: (listener) => void this.#of_authority.delete(listener),
      addIdentityCertificateListener: (listener) => {
        this.#of_identity.add(listener);
        process.nextTick(() => listener(identityOf(this.#texts)));
      },
      removeIdentityCertificateListener: (listener) => void this.#of_identity.delete(listener),
    };
  }
}

const authorityOf = ({ authority }: TlsTexts) => ({ caCertificate: authority });
const identityOf = ({ certificate, key }: TlsTexts) => ({ certificate, privateKey: key });

function areSame(one: TlsTexts, other: TlsTexts): boolean {
  const { key, certificate, authority } = one;
  return (
    key.equals(other.key) &&
    certificate.equals(other.certificate) &&
    authority.equals(other.authority)
  );
}
