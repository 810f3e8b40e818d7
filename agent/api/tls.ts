/** TLS of the API: the agent's own certificate, and the authority of those who may call it. */
import { createSecureContext } from 'node:tls';
import { readFile } from 'node:fs/promises';
import { type ChannelCredentials, credentials, ServerCredentials } from '@grpc/grpc-js';
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

interface TlsTexts {
  readonly key: Buffer;
  readonly certificate: Buffer;
  readonly authority: Buffer;
}

/**
 * Nobody without a certificate of the authority gets as far as a call. Throws HP_AGENT_TLS, or
 * HP_PATH_UNSAFE for a file that others may write.
 */
export async function serverTls(files: TlsFiles): Promise<ServerCredentials> {
  const { key, certificate, authority } = await readTls(files);
  const pair = { private_key: key, cert_chain: certificate };
  return ServerCredentials.createSsl(authority, [pair], true);
}

/** Throws as {@link serverTls}. */
export async function clientTls(files: TlsFiles): Promise<ChannelCredentials> {
  const { key, certificate, authority } = await readTls(files);
  return credentials.createSsl(authority, key, certificate);
}

async function readTls(files: TlsFiles): Promise<TlsTexts> {
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
