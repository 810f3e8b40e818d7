/** Reads the body of an answer up to a limit; what lies beyond is never taken in. */
import type { Dispatcher } from 'undici';

export interface BodyText {
  readonly text: string;
  readonly truncated: boolean;
}

export async function readBody(
  response: Dispatcher.ResponseData,
  limit_bytes: number,
): Promise<BodyText> {
  const length = Number(response.headers['content-length'] ?? Number.NaN);
  if (length <= limit_bytes) return { text: await response.body.text(), truncated: false };
  const chunks: Uint8Array[] = [];
  const stream: AsyncIterable<Uint8Array> = response.body;
  let kept_bytes = 0;
  for await (const chunk of stream) {
    const rest_bytes = limit_bytes - kept_bytes;
    if (chunk.length > rest_bytes) {
      chunks.push(chunk.subarray(0, rest_bytes));
      return { text: Buffer.concat(chunks).toString('utf8'), truncated: true };
    }
    chunks.push(chunk);
    kept_bytes += chunk.length;
  }
  return { text: Buffer.concat(chunks).toString('utf8'), truncated: false };
}
