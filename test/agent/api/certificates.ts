/** Real certificates, made for one test by openssl. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { TlsFiles } from '../../../agent/api/tls.ts';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const;

export class Authority {
  readonly #folder: string;
  readonly #name: string;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  static async make(folder: string, name: string): Promise<Authority> {
    const made = new Authority(folder, name);
    const key = made.#at(`${name}.key`);
    const certificate = made.#at(`${name}.pem`);
    const files = ['-keyout', key, '-out', certificate];
    await openssl(['req', '-x509', ...NEW_KEY, ...files, '-subj', `/CN=${name}`, '-days', '2']);
    return made;
  }

  /** A certificate for `name`; with what it takes to serve loopback and to call. */
  async sign(name: string, subject = `/CN=${name}`): Promise<TlsFiles> {
    const at = (kind: string): string => this.#at(`${this.#name}-${name}.${kind}`);
    const [key, request, certificate, extensions] = [at('key'), at('csr'), at('pem'), at('ext')];
    await openssl(['req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', subject]);
    await writeFile(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    const authority = this.#at(`${this.#name}.pem`);
    const signer = ['-CA', authority, '-CAkey', this.#at(`${this.#name}.key`), '-CAcreateserial'];
    const files = ['-in', request, '-out', certificate, '-extfile', extensions];
    await openssl(['x509', '-req', ...signer, ...files, '-days', '2']);
    return { key, certificate, authority };
  }

  #at(name: string): string {
    return join(this.#folder, name);
  }
}

async function openssl(words: readonly string[]): Promise<void> {
  await execa('openssl', words, { timeout: 120_000, stdin: 'ignore' });
}
