/** All parts of an answer that comes in parts; no call without a deadline. */
import type { Client, ServiceError } from '@grpc/grpc-js';
import type { Method } from './service.ts';

export interface PartsCall {
  /** When it must be whole, by the clock of `Date`. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** Rejects with a ServiceError, or with what {@link Method.decodeResponse} throws. */
export function partsOf<Request, Response>(
  client: Pick<Client, 'makeServerStreamRequest'>,
  method: Method<Request, Response>,
  request: Request,
  { deadline, signal }: PartsCall,
): Promise<Response[]> {
  const bytes = method.encodeRequest(request);
  return new Promise((resolve, reject) => {
    const call = client.makeServerStreamRequest(method.path, asIs, asIs, bytes, { deadline });
    const cancel = (): void => call.cancel();
    const parts: Response[] = [];
    call.on('data', (part: Buffer) => {
      try {
        parts.push(method.decodeResponse(part));
      } catch (error) {
        reject(error);
        cancel();
      }
    });
    const end = (error: ServiceError | null): void => {
      // A signal may outlive many calls: it must not keep them.
      signal?.removeEventListener('abort', cancel);
      if (error) reject(error);
      else resolve(parts);
    };
    call.once('end', () => end(null));
    call.on('error', end);
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
  });
}
