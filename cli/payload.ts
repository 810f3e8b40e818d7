/** The payload of one invocation from a file or from standard input, of no more than may be. */
import type { Readable } from 'node:stream';
import { LIMITS } from '../base/limits.ts';
import { openPlainFile } from '../base/plain-file.ts';
import { MIB } from '../base/units.ts';
import { badValue } from './errors.ts';

/** `-` is standard input. Throws HP_CLI_BAD_VALUE for what is too long, or the system's error. */
export async function readPayload(place: string, signal: AbortSignal): Promise<Buffer> {
  if (place === '-') return await readAll(place, process.stdin, signal);
  await using file = await openPlainFile(place);
  return await readAll(place, file.createReadStream({ autoClose: false }), signal);
}

async function readAll(place: string, stream: Readable, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const cut = (): void => void stream.destroy();
  signal.addEventListener('abort', cut, { once: true });
  try {
    for await (const chunk of stream) {
      const part = Buffer.from(chunk);
      bytes += part.length;
      if (bytes > LIMITS.payload_bytes) throw tooLong(place);
      chunks.push(part);
    }
  } finally {
    signal.removeEventListener('abort', cut);
  }
  return Buffer.concat(chunks);
}

function tooLong(place: string): Error {
  return badValue('payload', place, `at most ${LIMITS.payload_bytes / MIB} MiB`);
}
