/** TLS of the API: files of a certificate and of an authority, and what a caller makes of them. */
import { createSecureContext } from 'node:tls';
import { readFile } from 'node:fs/promises';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { messageOf } from '../../base/errors.ts';
import { checkOwnFile } from '../../base/safe-path.ts';
import { agentError } from '../model/errors.ts';

/** Files in PEM. */
export interface TlsFiles {
  readonly key: string;
  readonly certificate: string;
  /** Whoever it has signed for is known. */
  readonly authority: string;
}

export interface TlsTexts {
  readonly key: Buffer;
  readonly certificate: Buffer;
  readonly authority: Buffer;
}

/** Throws HP_AGENT_TLS, or HP_PATH_UNSAFE for a file that others may write. */
export async function clientTls(files: TlsFiles): Promise<ChannelCredentials> {
  const { key, certificate, authority } = await readTls(files);
  return credentials.createSsl(authority, key, certificate);
}

/** What the files hold now, and belongs together. Throws as {@link clientTls}. */
export async function readTls(files: TlsFiles): Promise<TlsTexts> {
  try {
    const [key, certificate, authority] = await Promise.all([
      readOwn(files.key),
      readOwn(files.certificate),
      readOwn(files.authority),
    ]);
    // What does not belong together is told now, and not to the first who calls.
    createSecureContext({ key, cert: certificate, ca: authority });
    return { key, certificate, authority };
  } catch (cause) {
    const message = `the files of TLS cannot be used: ${messageOf(cause)}.`;
    throw agentError('HP_AGENT_TLS', message, { cause, details: { ...files } });
  }
}

async function readOwn(path: string): Promise<Buffer> {
  await checkOwnFile(path);
  return await readFile(path);
}
